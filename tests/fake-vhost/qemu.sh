#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# Debian's unmodified QEMU realizes its device on libfake-vhost.so: qemu.sh LD_PRELOAD. TAP; 77 without that QEMU.
set -u
qemu=/usr/bin/qemu-system-x86_64
[ -x "$qemu" ] || exit 77
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

count=0
check() {
    local text=$1 result=ok
    shift
    "$@" || result='not ok'
    count=$((count + 1))
    echo "$result $count - $text"
}

# run WWPN: with no guest running, from start to "quit".
run() {
    rm -f "$dir/trace"
    echo quit | env LD_PRELOAD="$preload" FAKE_VHOST=max_io_vqs=8 FAKE_VHOST_TRACE="$dir/trace" timeout 60 "$qemu" \
        -machine q35 -accel tcg -S -m 64 -nodefaults -display none -monitor stdio \
        -device "vhost-scsi-pci,wwpn=$1,num_queues=4" > "$dir/out" 2> "$dir/err"
}

preload=$1
check "it starts and ends" run naa.5001405bd1f60000
check "it owns the device" grep -q '^2 VHOST_SET_OWNER tid=[0-9]* dev=1 -> 0$' "$dir/trace"
check "it reads the features" grep -q 'VHOST_GET_FEATURES .*-> 0 features=0x13d00000a$' "$dir/trace"
check "it sets all six queues up" grep -q 'VHOST_SET_VRING_CALL index=5 ' "$dir/trace"
check "nothing fails" sh -c '! grep -e "-> -1" "$1"' - "$dir/trace"
echo "1..$count"
