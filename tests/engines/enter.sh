#!/bin/sh
# An engine's namespaces, from the outside in:
#
#   outside ROOT STATE COMMAND...   makes the root file system and moves into it
#   inside STATE COMMAND...         keeps the daemon until standard input ends
#   alone STATE COMMAND...          gives the daemon a network of its own
#
# It is started as the first process of new namespaces (mounts, process ids, host
# name, IPC). Whatever is made here goes with that process: the kernel takes the
# mounts, the network and every process back. It ends when its standard input
# does, and that is when whoever started it ends, in whichever way.
# ROOT is not written to. STATE is, and has the same path inside.
set -eu
stage=$1
shift

outside() {
    root=$1 state=$2 top=$2/top
    shift 2
    mkdir -p "$top"
    mount -t tmpfs -o size=1g tmpfs "$top"
    mkdir "$top/upper" "$top/work" "$top/root"
    mount -t overlay -o "lowerdir=$root,upperdir=$top/upper,workdir=$top/work" overlay "$top/root"
    cp "$0" "$top/root/enter.sh"
    cat /etc/resolv.conf > "$top/root/etc/resolv.conf"
    cd "$top/root"
    mount -t proc proc proc
    mount --rbind /dev dev
    mount --rbind /sys sys
    mount -t tmpfs tmpfs run
    mount -t tmpfs tmpfs tmp
    # Last: STATE may lie below one of those, and a later mount would hide it.
    mkdir -p ".$state" was
    mount --bind "$state" ".$state"
    pivot_root . was
    exec chroot . /bin/sh /enter.sh inside "$state" "$@"
}

inside() {
    state=$1
    umount -l /was
    hostname engine
    exec 3<&0
    unshare --net --mount --propagation private /bin/sh /enter.sh alone "$@" 3<&- &
    daemon=$!
    # It stays in the machine's network and carries packets between the two. Not before
    # there are two: it would take the machine's own for the daemon's.
    until [ "$(readlink /proc/self/ns/net)" != "$(readlink "/proc/$daemon/ns/net")" ]; do sleep 0.05; done
    slirp4netns --configure --mtu=65520 --disable-host-loopback "$daemon" tap0 \
        >"$state/slirp.log" 2>&1 3<&- &
    { cat <&3 >/dev/null; kill -TERM "$daemon"; } &
    wait "$daemon"
}

alone() {
    state=$1
    shift
    mkdir /run/cgroup
    mount --rbind /sys/fs/cgroup /run/cgroup
    mount -t sysfs sysfs /sys        # shows this network's devices
    mount --rbind /run/cgroup /sys/fs/cgroup
    umount -l /run/cgroup
    echo "nameserver 10.0.2.3" > "$state/resolv.conf"   # slirp4netns hands it on
    mount --bind "$state/resolv.conf" /etc/resolv.conf
    ip link set lo up
    until ip link show up dev tap0 2>/dev/null | grep -q tap0; do sleep 0.05; done
    exec "$@" </dev/null
}

"$stage" "$@"
