# SPDX-License-Identifier: GPL-2.0-or-later
# The two initial RAM disks: the guest's, and L1's, which carries the VMM under test and the guest inside it.
# Uncompressed cpio on purpose: software emulation copies faster than it decompresses.

# In load order; modprobe resolves the rest. vhost_scsi is left out of the boot list: a scenario loads it.
L1_MODULES=(configfs target_core_mod target_core_file vhost vhost_scsi kvm kvm-amd)
GUEST_MODULES=(virtio_pci virtio_scsi sd_mod)
L1_DISK_MODULES=(virtio_pci virtio_blk) # of an L1 that has the disk of disk.sh
BUTTON_MODULES=(button evdev) # loaded by the guest's verb "button"
FW_CFG_MODULES=(qemu_fw_cfg) # by its verb "fw_cfg"
VARIABLES_MODULES=(efivarfs) # by its verb "variables"
VSOCK_MODULES=(vmw_vsock_virtio_transport) # by its verb "vsock_load"
L1_VSOCK_MODULES=(vhost_vsock) # of an L1 that needs vsock
RNG_MODULES=(virtio-rng) # "rng"
BALLOON_MODULES=(virtio_balloon) # "balloon"
NET_MODULES=(virtio_net) # by its verb "net"
L1_NET_MODULES=(vhost_net tun bridge) # of an L1 whose guests have a network

# copy_modules KERNEL_DIR DESTINATION MODULE...: the modules with all they depend on, decompressed, and their
# order in DESTINATION/modules.list. Modules that are built in are skipped by modprobe itself.
copy_modules() {
    local kernel=$1 to=$2 version file name
    shift 2

    version=$(cat "$kernel/version")
    mkdir -p "$to"
    /sbin/modprobe -d "$kernel" -S "$version" -a --show-depends "$@" |
        awk '$1 == "insmod" && !seen[$2]++ { print $2 }' |
        while read -r file; do
            name=$(basename "${file%.xz}")
            case $file in
            *.xz) xz -dc "$file" > "$to/$name" ;;
            *) cp "$file" "$to/$name" ;;
            esac
            echo "$name"
        done > "$to/modules.list"
}

busybox_tree() {
    mkdir -p "$1"/{bin,dev,proc,sys,tmp,etc}
    cp "$(command -v busybox)" "$1/bin/busybox"
    for applet in sh mount insmod cat; do
        ln -s busybox "$1/bin/$applet"
    done
}

pack() {
    (cd "$1" && find . | cpio --quiet -o -H newc -R 0:0) > "$2"
}

compile_static() {
    ${CC:-cc} -O2 -Wall -Wextra -static -pthread -o "$2" "$1"
}

# What /dev/vhost-scsi must answer, as a program; libfake-vhost.so is held against the same one.
compile_conform() {
    local from=$LAB_ROOT/tests/fake-vhost

    ${CC:-cc} -O2 -Wall -static -D_GNU_SOURCE -I "$LAB_ROOT/linux-headers" -o "$1" \
        "$from/conform.c" "$from/conform-ring.c" "$from/conform-tap.c" "$from/driver.c"
}

# copy_program PROGRAM TREE: with every shared library, at the same paths.
copy_program() {
    local file

    install -D "$1" "$2$3"
    ldd "$1" 2>/dev/null | awk '/=> \// { print $3 } $1 ~ /^\// { print $1 }' | sort -u |
        while read -r file; do
            install -D "$(readlink -f "$file")" "$2$file"
        done
}

# Debian's QEMU, which the lab measures against, needs its firmware too.
copy_qemu() {
    copy_program /usr/bin/qemu-system-x86_64 "$1" /usr/bin/qemu-system-x86_64
    mkdir -p "$1/usr/share/seabios" "$1/usr/share/qemu"
    cp /usr/share/seabios/bios*.bin "$1/usr/share/seabios/"
    cp /usr/share/qemu/{bios-microvm,qboot,kvmvapic,linuxboot_dma,pvh}*.* "$1/usr/share/qemu/"
}

# vhost-scsi-bench, from where the VMM was built, and what it is held against.
copy_bench() {
    local bench=${LAB_BENCH:-$(dirname "$LAB_VMM")/tools/vhost-scsi-bench}

    [ -x "$bench" ] || die "no vhost-scsi-bench at $bench; build it first (make)"
    copy_program "$bench" "$1" /vmm/vhost-scsi-bench
    ${CC:-cc} -O2 -Wall -Wextra -static -pthread -I "$LAB_ROOT/linux-headers" -o "$1/bin/minimal" \
        "$LAB_ROOT/tests/bench/minimal.c" || return
    compile_static "$LAB_ROOT/tests/bench/turns.c" "$1/bin/turns"
}

# The unit tests that need KVM, from where the VMM was built.
copy_unit_tests() {
    local name tests=${LAB_TESTS:-$(dirname "$LAB_VMM")/tests/unit}

    for name in test-kvm test-kvm-clock test-kvm-memory test-kvm-routes test-kvm-state; do
        [ -x "$tests/$name" ] || die "no $name at $tests; build it first (make)"
        copy_program "$tests/$name" "$1" "/tests/$name"
    done
}

# add_program NAME INITRD: a kernel unpacks archives that follow each other one after the other.
add_program() {
    local tree=$2.$1-tree

    [ -x "/usr/bin/$1" ] || die "no $1; make bench installs it"
    copy_program "/usr/bin/$1" "$tree" "/bin/$1"
    pack "$tree" "$tree.cpio"
    cat "$tree.cpio" >> "$2"
    rm -rf "$tree" "$tree.cpio"
}

# libvirtd with nothing but its driver for QEMU, and virsh.
copy_libvirt() {
    local driver=/usr/lib/x86_64-linux-gnu/libvirt/connection-driver/libvirt_driver_qemu.so program

    for program in /usr/sbin/libvirtd /usr/bin/virsh "$driver"; do
        [ -e "$program" ] || die "no $program; scripts/install-deps installs it"
        copy_program "$program" "$1" "$program"
    done
    mkdir -p "$1/usr/share/libvirt"
    cp -r /usr/share/libvirt/cpu_map /usr/share/libvirt/schemas "$1/usr/share/libvirt/"
}

# What boots a guest: SeaBIOS where Debian has it, and OVMF.
copy_firmware() {
    mkdir -p "$1"/usr/share/{seabios,OVMF,qemu}
    cp /usr/share/seabios/bios-256k.bin "$1/usr/share/seabios/"
    [ ! -e "$LAB_CACHE/ovmf" ] || cp "$LAB_CACHE"/ovmf/OVMF/OVMF_{CODE,VARS}_4M.fd "$1/usr/share/OVMF/"
    [ ! -e "$LAB_CACHE/ovmf" ] || cp -r "$LAB_CACHE/ovmf/qemu/firmware" "$1/usr/share/qemu/"
}

# guest_image WORK: WORK/guest.cpio
guest_image() {
    local tree=$1/guest-tree

    busybox_tree "$tree"
    copy_modules "$LAB_CACHE/6.12" "$tree/modules" "${GUEST_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/button" "${BUTTON_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/fw_cfg" "${FW_CFG_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/variables" "${VARIABLES_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/vsock" "${VSOCK_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/rng" "${RNG_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/balloon" "${BALLOON_MODULES[@]}" || return
    copy_modules "$LAB_CACHE/6.12" "$tree/net" "${NET_MODULES[@]}" || return
    compile_static "$LAB_DIR/labio.c" "$tree/bin/labio" || return
    compile_static "$LAB_DIR/labvsock.c" "$tree/bin/labvsock" || return
    compile_static "$LAB_DIR/labnet.c" "$tree/bin/labnet" || return
    install -m 755 "$LAB_DIR/guest/init" "$tree/init"
    pack "$tree" "$1/guest.cpio"
}

# pack_usb_guest WORK TREE: the guest, less its disk's further drivers, with a kernel that has USB.
pack_usb_guest() {
    local tree=$1/usb-tree

    mkdir -p "$tree"
    (cd "$tree" && cpio --quiet -idm && rm -r modules) < "$1/guest.cpio" || return
    copy_modules "$LAB_CACHE/generic" "$tree/modules" "${GUEST_MODULES[@]}" xhci_pci || return
    mkdir -p "$2/guest/usb"
    cp "$LAB_CACHE/generic/vmlinuz" "$2/guest/usb/vmlinuz"
    pack "$tree" "$2/guest/usb/initrd"
}

# pack_new_kernel KERNEL TAR: what its package holds, as packages.sh unpacked it.
pack_new_kernel() {
    tar -C "$1" --transform "s|^vmlinuz$|boot/vmlinuz-$(cat "$1/version")|" -cf "$2" boot lib vmlinuz
}

# l1_image WORK KERNEL_NAME CONFIG_FILE: WORK/l1.cpio
l1_image() {
    local work=$1 kernel=$LAB_CACHE/$2 config=$3 tree=$1/l1-tree modules=("${L1_MODULES[@]}")

    busybox_tree "$tree"
    mkdir -p "$tree/lab/scenarios" "$tree/guest" "$tree/usr/lib"
    ! grep -q '^LAB_NEEDS=.*disk' "$config" || modules+=("${L1_DISK_MODULES[@]}")
    ! grep -q '^LAB_NEEDS=.*vsock' "$config" || modules+=("${L1_VSOCK_MODULES[@]}")
    ! grep -q '^LAB_NEEDS=.*net' "$config" || modules+=("${L1_NET_MODULES[@]}")
    copy_modules "$kernel" "$tree/modules" "${modules[@]}" || return
    # OVMF saves and restores CR8 around each interrupt, which the emulator that runs L1 does not survive while KVM has
    # the processor virtualize that register. There the lab's copy of the module leaves it intercepted.
    ! grep -q '^LAB_NEEDS=.*ovmf' "$config" || "$LAB_DIR/lib/keep-cr8" "$tree/modules/kvm-amd.ko" || return
    compile_static "$LAB_DIR/labrun.c" "$tree/bin/labrun" || return
    compile_static "$LAB_DIR/labwait.c" "$tree/bin/labwait" || return
    compile_static "$LAB_DIR/labnet.c" "$tree/bin/labnet" || return
    compile_static "$LAB_DIR/labpulse.c" "$tree/bin/labpulse" || return
    compile_static "$LAB_DIR/labvsock.c" "$tree/bin/labvsock" || return
    compile_conform "$tree/bin/conform" || return
    install -m 755 "$LAB_DIR/l1/init" "$tree/init"
    cp "$LAB_DIR"/l1/* "$tree/lab/"
    cp -r "$LAB_DIR"/scenarios/* "$tree/lab/scenarios/"
    cp "$config" "$tree/lab/config"
    cp "$LAB_CACHE/6.12/vmlinuz" "$tree/guest/vmlinuz"
    cp "$work/guest.cpio" "$tree/guest/initrd"
    [ -z "$LAB_VMM" ] || copy_program "$LAB_VMM" "$tree" /vmm/qemu-system-x86_64
    [ -z "${LAB_BEFORE:-}" ] || copy_program "$LAB_BEFORE" "$tree" /before/qemu-system-x86_64
    [ -z "$LAB_WITH_QEMU" ] || copy_qemu "$tree"
    ! grep -q '^LAB_NEEDS=.*fio' "$config" || add_program fio "$tree/guest/initrd" || return
    if grep -q '^LAB_NEEDS=.*iperf3' "$config"; then
        add_program iperf3 "$tree/guest/initrd" && copy_program /usr/bin/iperf3 "$tree" /bin/iperf3 || return
    fi
    ! grep -q '^LAB_NEEDS=.*bench' "$config" || copy_bench "$tree" || return
    ! grep -q '^LAB_NEEDS=.*unit-tests' "$config" || copy_unit_tests "$tree" || return
    ! grep -q '^LAB_NEEDS=.*libvirt' "$config" || copy_libvirt "$tree"
    ! grep -q '^LAB_NEEDS=.*firmware' "$config" || copy_firmware "$tree"
    ! grep -q '^LAB_NEEDS=.*new-kernel' "$config" || pack_new_kernel "$LAB_CACHE/6.12" "$tree/new-kernel.tar"
    ! grep -q '^LAB_NEEDS=.*usb' "$config" || pack_usb_guest "$work" "$tree" || return
    pack "$tree" "$work/l1.cpio"
}
