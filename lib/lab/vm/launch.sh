#!/bin/sh
# Runs a virtual machine until it is off: in the host's control groups, and in the network namespace that has the switch.
# No hardware virtualization: /dev/kvm may be there and hang the guest.
# The page cache of this machine is the disks' safe (cache=unsafe): a power cut is the guest's, never this machine's.
# A reboot of the guest ends QEMU and starts it anew: a reset in place hangs now and then while several emulated CPUs run.
# usage: launch.sh HOST_FOLDER SWITCH TAP MAC BOOT_CD CGROUP...
set -eu
cd "$1"; switch=$2 tap=$3 mac=$4 cd=$5; shift 5
for cgroup in "$@"; do echo 0 >"$cgroup/outside/cgroup.procs"; done

machine() {
  ip netns exec "$switch" qemu-system-x86_64 -name "$tap" -nodefaults -no-user-config -display none -no-reboot -qmp stdio \
    -accel tcg,thread=multi -cpu max -smp 4 -m 1024 -rtc base=utc \
    -drive file=system.img,format=raw,if=none,id=system,cache=unsafe,discard=unmap -device virtio-blk-pci,drive=system,num-queues=2 \
    -drive file=data.img,format=raw,if=none,id=data,cache=unsafe,discard=unmap -device virtio-blk-pci,drive=data,num-queues=2 \
    -drive file="$cd",format=raw,media=cdrom,readonly=on -boot d \
    -netdev tap,id=lan,ifname="$tap",script=no,downscript=no,queues=2 \
    -device virtio-net-pci,netdev=lan,mac="$mac",mq=on,vectors=6,rx_queue_size=512 \
    -object rng-random,filename=/dev/urandom,id=rng -device virtio-rng-pci,rng=rng \
    -chardev file,id=console,path=console.log,append=on -serial chardev:console
}

# QEMU says over QMP why it ended, once it has been greeted.
rm -f qmp && mkfifo qmp && exec 3<>qmp
: >console.log
while :; do
  echo '{"execute":"qmp_capabilities"}' >&3
  machine <&3 >qmp.log
  grep -q '"reason": "guest-reset"' qmp.log || exit 0
done
