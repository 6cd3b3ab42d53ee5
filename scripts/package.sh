#!/usr/bin/env bash
# Puts what belongs to watcherd besides its Python package into place, for those who make packages of it; removes it.
#
#   scripts/package.sh install|uninstall
#
# Environment:
#   DESTDIR  the folder that stands for the root of the machine; default: none
#   PREFIX   where the program lies, so that the units start PREFIX/bin/watcherd; default: /usr
#
# systemd reads what belongs to packages below /usr/lib, or below /usr/local/lib with PREFIX=/usr/local. Everything else
# is of no use to systemd there, so that with any other PREFIX it goes to /usr/lib, too. The Python package, its
# dependencies and systemd-python are the packager's to install; the unit needs the latter.
set -euo pipefail
cd "$(dirname "$0")/.."

destination=${DESTDIR:-}
prefix=${PREFIX:-/usr}
lib=/usr/lib
if [ "$prefix" = /usr/local ]; then
  lib=/usr/local/lib
fi

# FILE TARGET, one pair a line; units are made to fit PREFIX.
files() {
  cat <<FILES
systemd/watcherd.service $lib/systemd/system/watcherd.service
systemd/user/watcherd.service $lib/systemd/user/watcherd.service
systemd/watcherd.sysusers.conf $lib/sysusers.d/watcherd.conf
systemd/watcherd.tmpfiles.conf $lib/tmpfiles.d/watcherd.conf
systemd/watcherd.catalog $lib/systemd/catalog/watcherd.catalog
config.example.toml $prefix/share/doc/watcherd/config.example.toml
README.md $prefix/share/doc/watcherd/README.md
LICENSE $prefix/share/doc/watcherd/LICENSE
FILES
}

install_files() {
  case $prefix in
    /*) ;;
    *)
      echo "PREFIX=$prefix is not an absolute path" >&2
      exit 64
      ;;
  esac
  local file target
  while read -r file target; do
    install -D -m 644 "$file" "$destination$target"
    case $file in
      *.service) sed -i "s|/usr/bin/watcherd|$prefix/bin/watcherd|" "$destination$target" ;;
    esac
    echo "$destination$target"
  done < <(files)
}

uninstall_files() {
  local file target
  while read -r file target; do
    rm -f "$destination$target"
  done < <(files)
  rmdir --ignore-fail-on-non-empty "$destination$prefix/share/doc/watcherd" 2>/dev/null || true
}

case ${1:-} in
  install) install_files ;;
  uninstall) uninstall_files ;;
  *)
    echo "usage: scripts/package.sh install|uninstall" >&2
    exit 64
    ;;
esac
