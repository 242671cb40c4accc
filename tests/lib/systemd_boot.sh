#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# systemd_boot.sh TMP CONSOLE CGROUP BUILD PREFIX: becomes systemd as process 1, in PID, mount, UTS and IPC namespaces made
# just before, on a lab host's network. See systemd.py.
#
# The machine's files are all there, to be read; what is written goes to TMP or is gone with the namespace. Of units systemd
# sees our own (TMP/machine/units, PREFIX/lib/systemd/system) and what gets enabled, of the machine's none. Of /proc/sys only
# what belongs to the namespaces can be written: systemd would raise the machine's limits.
set -e
tmp=$1 console=$2 cgroup=$3 build=$4 prefix=$5
empty() { mount -t tmpfs -o mode="$1" tmpfs "$2"; }

if [ -z "$SYSTEMD_BOOT_STAGE" ]; then
    mount --make-rprivate /
    mount -t proc proc /proc
    umount -R /sys/fs/cgroup 2>/dev/null || true
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    mkdir "/sys/fs/cgroup/$cgroup"
    echo $$ >"/sys/fs/cgroup/$cgroup/cgroup.procs"
    # From here on that is the root of all control groups; a mount made before still shows the others.
    export SYSTEMD_BOOT_STAGE=2
    exec unshare --cgroup sh "$0" "$@"
fi
umount /sys/fs/cgroup
mount -o remount,bind,ro /sys
mount -t cgroup2 cgroup2 /sys/fs/cgroup

empty 755 /run
mkdir -p /run/dev/net /run/dev/pts /run/dev/shm
for node in null zero full random urandom tty net/tun; do
    : >"/run/dev/$node"
    mount --bind "/dev/$node" "/run/dev/$node"
done
: >/run/dev/console
mount --bind "$console" /run/dev/console
mount -t devpts -o newinstance,ptmxmode=0666 devpts /run/dev/pts
ln -s pts/ptmx /run/dev/ptmx
ln -s /proc/self/fd /run/dev/fd
mount --rbind /run/dev /dev

cd "$tmp"
for folder in /tmp /var/tmp; do empty 1777 "$folder"; done
for folder in /opt /home /root "$build"; do
    mkdir -p "$folder" # the build folder may be in one of the others
    empty 755 "$folder"
done
mkdir -p "$tmp" "$prefix"
mount --no-canonicalize --bind . "$tmp" # by its name it would be the empty folder
mount --bind "$tmp/machine/root$prefix" "$prefix"
mount --bind "$tmp/machine/system" /etc/systemd/system
mount --bind "$tmp/machine/default" /etc/default
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
for own in net kernel/domainname kernel/msgmax; do
    mount --bind /proc/sys/$own /proc/sys/$own
    mount -o remount,bind,rw /proc/sys/$own
done
mount -o remount,bind,ro /
cd /

exec env -i container=alpine-test PATH=/usr/sbin:/usr/bin:/sbin:/bin SYSTEMD_GENERATOR_PATH=/run/none \
    SYSTEMD_UNIT_PATH="/etc/systemd/system:$tmp/machine/units:$prefix/lib/systemd/system" \
    /lib/systemd/systemd --system --unit=basic.target --log-target=console --show-status=no
