#!/usr/bin/env bash
# Boots a real systemd as PID 1 of a box that is thrown away, and keeps it until standard input ends.
#
#   boot.sh [-b DIR]... [-t SECONDS]
#
#   -b DIR      show DIR in the box, read-only; needed for what is not on the file system of /
#   -t SECONDS  how long booting may take; default: 30
#
# Prints the process id of the box's PID 1 as soon as basic.target is reached; nsenter leads into the box:
#   nsenter --target PID --mount --uts --ipc --net --pid --cgroup --root --wd COMMAND...
# Exits with 77, and the reason on standard error, where that cannot be done.
#
# The host stays as it is: / is an overlay whose changes are kept in memory, and processes, mounts, network (which only
# has lo), host name and control groups are the box's own. The controllers of control groups are not: MemoryMax= and
# the like do nothing here.
set -euo pipefail

cannot() {
  echo "$*" >&2
  exit 77
}

binds=()
boot_timeout=30
while getopts b:t: option; do
  case $option in
    b) binds+=("$(realpath "$OPTARG")") ;;
    t) boot_timeout=$OPTARG ;;
    *) exit 64 ;;
  esac
done

systemd=$(command -v /lib/systemd/systemd /usr/lib/systemd/systemd | head -n 1) || cannot "systemd is not installed"
command -v dbus-daemon >/dev/null || cannot "dbus is not installed"
[ "$(id -u)" = 0 ] || cannot "only root can boot a systemd of its own"
grep -qw overlay /proc/filesystems || modprobe overlay 2>/dev/null || cannot "this kernel has no overlayfs"
cgroups=$(awk '$3 == "cgroup2" { print $2; exit }' /proc/mounts)
[ -n "$cgroups" ] || cannot "no cgroup2 is mounted"
group=$cgroups/watcherd-box-$$
mkdir "$group" 2>/dev/null || cannot "$cgroups cannot be written to"

work=$(mktemp -d)
end_box() {
  # Everything in the box, and nothing else, is in this group.
  echo 1 >"$group/cgroup.kill" 2>/dev/null || true
  while grep -q 'populated 1' "$group/cgroup.events"; do sleep 0.02; done
  find "$group" -depth -type d -exec rmdir {} +
  rm -rf "$work"
}
trap end_box EXIT
trap 'exit 1' INT TERM

mkfifo "$work/up"
# Inside the namespaces: the root of the box is put together, then systemd takes this process over.
cat >"$work/inside.sh" <<'INSIDE'
set -euo pipefail
work=$1 systemd=$2
shift 2
mount --make-rprivate /
mkdir "$work/memory"
mount -t tmpfs -o mode=0755 tmpfs "$work/memory"
mkdir "$work"/memory/{changes,scratch,root}
root=$work/memory/root
mount -t overlay -o "lowerdir=/,upperdir=$work/memory/changes,workdir=$work/memory/scratch" overlay "$root"

mount -t proc -o nosuid,nodev,noexec proc "$root/proc"
mount -t sysfs -o ro,nosuid,nodev,noexec sysfs "$root/sys"
mount -t cgroup2 -o nosuid,nodev,noexec cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=0755,nosuid,nodev tmpfs "$root/run"
mount -t tmpfs -o mode=1777,nosuid,nodev tmpfs "$root/tmp"
mount -t tmpfs -o mode=0755,nosuid tmpfs "$root/dev"
while read -r name major minor; do
  mknod -m 666 "$root/dev/$name" c "$major" "$minor"
done <<'NODES'
null 1 3
zero 1 5
full 1 7
random 1 8
urandom 1 9
tty 5 0
NODES
mkdir "$root"/dev/{pts,shm,mqueue} "$root"/run/{lock,box}
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
ln -s /proc/self/fd/0 "$root/dev/stdin"
ln -s /proc/self/fd/1 "$root/dev/stdout"
ln -s /proc/self/fd/2 "$root/dev/stderr"
for folder in "$@"; do
  mkdir -p "$root$folder"
  mount --bind "$folder" "$root$folder"
  mount -o remount,bind,ro "$root$folder"
done
touch "$root/run/box/up"
mount --bind "$work/up" "$root/run/box/up"

hostname box
echo box >"$root/etc/hostname"
: >"$root/etc/fstab"
systemd-id128 new >"$root/etc/machine-id"
# Parts of a system's start that need hardware or a network, or ask questions.
for unit in systemd-{firstboot,logind,networkd,resolved,timesyncd,udevd,udev-trigger,update-utmp}.service; do
  ln -sf /dev/null "$root/etc/systemd/system/$unit"
done
mkdir -p "$root/run/systemd/system"
cat >"$root/run/systemd/system/box.target" <<'UNIT'
[Unit]
Requires=basic.target systemd-journald.service box-up.service
Wants=dbus.socket
After=basic.target
UNIT
cat >"$root/run/systemd/system/box-up.service" <<'UNIT'
[Unit]
After=basic.target dbus.socket systemd-journald.service
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'echo up >/run/box/up'
UNIT

cd "$root"
mkdir -p mnt/host
pivot_root . mnt/host
umount -l /mnt/host
# systemd leaves that out where it believes to be in a container, and LoadCredential= and PrivateTmp= need it.
mount --make-rshared /
exec env -i container=box PATH="$PATH" TERM=dumb LANG=C.UTF-8 \
  "$systemd" --system --unit=box.target --log-target=journal-or-kmsg --show-status=no
INSIDE

bash -c 'echo $$ >"$0/cgroup.procs"; exec unshare --pid --mount --ipc --uts --net --cgroup --fork --kill-child \
  --propagation private bash "$@"' "$group" "$work/inside.sh" "$work" "$systemd" "${binds[@]}" \
  </dev/null >"$work/log" 2>&1 &
outside=$!
disown # or the shell would tell of its end

# Read and write, so that opening does not wait for a box that may never come up.
exec 3<>"$work/up"
if ! read -r -t "$boot_timeout" -u 3; then
  cat "$work/log" >&2
  cannot "systemd did not come up in $boot_timeout s"
fi
exec 3>&-
read -r first _ <"/proc/$outside/task/$outside/children" || [ -n "$first" ] # that file ends without a line feed
echo "$first"
exec >&-
cat >/dev/null
