# SPDX-License-Identifier: GPL-2.0-or-later
# A disk with Debian on it, as Debian's own tools install it, in a cache outside the tree; and OVMF, the firmware that
# boots it beside SeaBIOS. Neither root nor a mount is needed here, and nothing is installed: apt chooses and downloads
# the packages for a system that is empty as yet, dpkg-deb unpacks them, and grub-install, which has to run as root and on
# the disk, runs in a virtual machine, in software emulation; so do dpkg --configure and update-initramfs, unless this is
# root, who may use a chroot. Sourced by run.

DISK_DIR=$LAB_DIR/disk
DISK_CACHE=$LAB_CACHE/disk
DISK_BYTES_ALL=$((900 * 1024 * 1024)) # sparse; about a third is used
DISK_ESP_MIB=40
DISK_ROOT_OFFSET=$(((2 + DISK_ESP_MIB) * 1024 * 1024)) # behind the table, the loader's core image and the ESP
DISK_KERNEL=6.1 # of those in the cache, Debian 12's own; the scenario kernel-update brings the other
DISK_TRIES=3
DISK_SECONDS=600 # of one try; two minutes on an idle processor if populate could configure nothing, else half of one

# Beside all that is essential. No network, no bus, no log-in manager: each costs a guest inside a guest seconds.
DISK_PACKAGES=(usr-is-merged systemd-sysv udev kmod initramfs-tools lz4 e2fsprogs mount login passwd
    grub2-common grub-pc-bin grub-efi-amd64-bin efibootmgr dmidecode)

# In load order: the disk and the file system of the ESP, for the machine that configures.
DISK_MODULES=(virtio_pci virtio_blk vfat nls_cp437 nls_ascii nls_utf8 nls_iso8859_1)

# Changes when the recipe does, or the kernel that the disk holds.
disk_key() {
    (cat "$LAB_CACHE/$DISK_KERNEL/version" "$LAB_DIR/lib/disk.sh" && cd "$DISK_DIR" && find . -type f | sort | xargs cat) |
        sha256sum | cut -c 1-16
}

# The image that scenarios use.
disk_image() {
    echo "$DISK_CACHE/debian-$(disk_key).img"
}

# apt for a system without any package: the index is the host's, all else its own.
disk_apt() {
    apt-get -qq -o APT::Sandbox::User=root -o APT::Install-Recommends=false -o Debug::NoLocking=true \
        -o Dir::State::status="$DISK_CACHE/status" -o Dir::State::extended_states="$DISK_CACHE/extended_states" \
        -o Dir::Cache="$DISK_CACHE" -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= \
        -o Dir::Cache::archives="$DISK_CACHE/archives" "$@"
}

# Fills $DISK_CACHE/archives, and the list $DISK_CACHE/debs of what in there was chosen: it may hold older ones too.
disk_download() {
    # apt counts itself as essential.
    local wanted=(--yes --download-only install '?and(?essential,?not(?exact-name(apt)))' "${DISK_PACKAGES[@]}")

    mkdir -p "$DISK_CACHE/archives/partial" "$DISK_CACHE/none/partial"
    : > "$DISK_CACHE/status"
    disk_apt "${wanted[@]}" > "$DISK_CACHE/apt.log" 2>&1 || { apt_update && disk_apt "${wanted[@]}" >&2; } || return
    disk_apt -o Dir::Cache::archives="$DISK_CACHE/none" --print-uris "${wanted[@]}" | awk '{ print $2 }' \
        > "$DISK_CACHE/debs" && [ -s "$DISK_CACHE/debs" ]
}

# What makes files belong to root for a person who is not.
disk_as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    else
        fakeroot "$@"
    fi
}

# disk_partition IMAGE: an empty disk with three partitions, and a file system in the ESP.
disk_partition() {
    truncate -s 0 "$1"
    truncate -s "$DISK_BYTES_ALL" "$1"
    PATH=$PATH:/sbin:/usr/sbin sfdisk --quiet "$1" <<END || return
label: gpt
start=1MiB, size=1MiB, type=21686148-6449-6E6F-744E-656564454649, name=bios
start=2MiB, size=${DISK_ESP_MIB}MiB, type=C12A7328-F81F-11D2-BA4B-00A0C93EC93B, name=esp
start=$((2 + DISK_ESP_MIB))MiB, type=0FC63DAF-8483-4772-8E79-3D69D8477DE4, name=root
END
    PATH=$PATH:/sbin:/usr/sbin mkfs.vfat -F 16 -n ESP --offset 4096 "$1" $((DISK_ESP_MIB * 1024)) > "$1.log" 2>&1
}

# disk_initrd DIR: DIR/initrd of the machine that configures the disk.
disk_initrd() {
    local tree=$1/initrd-tree

    busybox_tree "$tree"
    copy_modules "$LAB_CACHE/6.12" "$tree/modules" "${DISK_MODULES[@]}" || return
    install -m 755 "$DISK_DIR/init" "$tree/init"
    pack "$tree" "$1/initrd"
}

# disk_configure DIR: runs that machine on DIR/disk.img; its console is DIR/console.log. One processor: with two, the
# emulator more often breaks the kernel.
disk_configure() {
    timeout -s KILL "$DISK_SECONDS" qemu-system-x86_64 -M q35 -accel tcg -cpu max -smp 1 -m 1024 \
        -display none -monitor none -no-reboot -net none -serial "file:$1/console.log" \
        -kernel "$LAB_CACHE/6.12/vmlinuz" -initrd "$1/initrd" -append "console=ttyS0 quiet panic=-1 $LAB_KERNEL_WORDS" \
        -drive "file=$1/disk.img,format=raw,if=virtio,cache=unsafe" < /dev/null > "$1/qemu.log" 2>&1
    grep -q '^DISK-DONE' "$1/console.log"
}

# disk_build IMAGE
disk_build() {
    local dir=$DISK_CACHE/build try

    rm -rf "$dir"
    mkdir -p "$dir"
    say "downloading Debian packages for the disk"
    disk_download || die "cannot download the packages of the disk"
    say "building a disk with Debian (one to three minutes, once)"
    disk_partition "$dir/base.img" || die "cannot partition the disk"
    disk_as_root "$DISK_DIR/populate" "$DISK_CACHE" "$LAB_CACHE/$DISK_KERNEL" "$dir/base.img" \
        "$DISK_ROOT_OFFSET" "$dir/tree" > "$dir/populate.log" 2>&1 || die "cannot unpack the packages: see $dir/populate.log"
    disk_initrd "$dir" || die "cannot build the initial RAM disk"
    # The emulator now and then breaks the kernel that runs in it.
    for try in $(seq "$DISK_TRIES"); do
        cp --sparse=always "$dir/base.img" "$dir/disk.img"
        ! disk_configure "$dir" || break
        [ "$try" != "$DISK_TRIES" ] || die "cannot configure Debian: see $dir/console.log"
        say "the machine that configures Debian failed, trying again"
        cp "$dir/console.log" "$DISK_CACHE/failed.log"
    done
    mv "$dir/disk.img" "$1"
    rm -rf "$dir"
    # Two versions of the tree may be in use.
    ls -t "$DISK_CACHE"/debian-*.img | tail -n +3 | xargs -r rm
}

# OVMF and its descriptions for libvirt, unpacked like the kernels: what is in $LAB_CACHE/ovmf belongs into /usr/share.
ovmf_fetch() {
    local tmp=$LAB_CACHE/ovmf.tmp

    [ ! -e "$LAB_CACHE/ovmf/OVMF/OVMF_CODE_4M.fd" ] || return 0
    rm -rf "$tmp"
    mkdir -p "$tmp"
    say "downloading OVMF"
    (cd "$tmp" && apt_download ovmf && dpkg-deb -x ovmf_*.deb tree) || die "cannot download ovmf"
    rm -rf "$LAB_CACHE/ovmf"
    mv "$tmp/tree/usr/share" "$LAB_CACHE/ovmf"
    rm -rf "$tmp"
}

# Two runs at once must not build in the same place.
disk_fetch() {
    mkdir -p "$DISK_CACHE"
    [ ! -e "$(disk_image)" ] || [ ! -e "$LAB_CACHE/ovmf/OVMF/OVMF_CODE_4M.fd" ] || return 0
    (
        flock 9
        ovmf_fetch
        [ -e "$(disk_image)" ] || disk_build "$(disk_image)"
    ) 9> "$DISK_CACHE/lock"
}
