#!/bin/sh
# Boots one lab host and stays until it is off. Runs in a mount namespace of its own (unshare --mount): its mounts go
# away by themselves when the last of the host's processes does, whoever killed them.
# usage: launch.sh HOST_FOLDER NETNS MACHINE CGROUP...
set -eu
cd "$1"; netns=$2 machine=$3; shift 3

enter() { leaf=$1; shift; for cgroup in "$@"; do echo 0 >"$cgroup/$leaf/cgroup.procs"; done; }
enter outside "$@"

# systemd-nspawn insists on a tmpfs here, which it is only where systemd is this machine's init.
mkdir -p /run/systemd
mount -t tmpfs -o mode=755 tmpfs /run/systemd
mount -t overlay -o lowerdir=base,upperdir=upper,workdir=work overlay root

# A group for each boot: on cgroup v2 the one before, which has groups below it now, takes no process any more.
boot() (
  for cgroup in "$@"; do mkdir "$cgroup/boot-$boots"; done
  enter "boot-$boots" "$@"
  # /proc/sys/net writable and the network root's to change, as they are on a server; /tmp on disk, as on Debian 12
  export SYSTEMD_NSPAWN_API_VFS_WRITABLE=network SYSTEMD_NSPAWN_TMPFS_TMP=0
  exec systemd-nspawn --quiet --directory=root --boot --machine="$machine" --network-namespace-path="/run/netns/$netns" \
    --capability=CAP_NET_ADMIN --register=no --keep-unit --resolv-conf=off --timezone=off --link-journal=no --console=pipe
)

# 133 is systemd-nspawn's way to say that the host called reboot.
status=133 boots=0
while [ "$status" = 133 ]; do boots=$((boots + 1)) status=0; boot "$@" || status=$?; done
exit "$status"
