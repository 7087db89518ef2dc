# SPDX-License-Identifier: GPL-2.0-or-later
# Guests that a firmware boots from a LUN: Debian from the disk that "needs: disk" gives to L1 (tests/lab/lib/disk.sh),
# and boot sectors that only say their name. For busybox ash, beside lib.sh.

GUEST_MEMORY=512

# lun_disk TPG LUN BACKSTORE: BACKSTORE becomes a LUN of the portal group, a directory, which is made.
lun_disk() {
    mkdir -p "$1/lun/lun_$2"
    [ -n "$(cat "$1/nexus" 2>/dev/null)" ] || echo naa.5001405000000002 > "$1/nexus"
    ln -s "$3" "$1/lun/lun_$2/disk"
}

# fileio NAME FILE BYTES: prints the backstore.
fileio() {
    local core=$TARGET/core/fileio_0/$1

    if [ ! -d "$core" ]; then
        mkdir -p "$core"
        echo "fd_dev_name=$2,fd_dev_size=$3" > "$core/control"
        echo 1 > "$core/enable"
        echo 0 > "$core/attrib/emulate_pr"
    fi
    echo "$core"
}

# debian_target [TPGT]: the target $WWPN with Debian's disk as LUN 0.
debian_target() {
    target_remove
    lun_disk "$TARGET/vhost/$WWPN/tpgt_${1:-0}" 0 \
        "$(fileio debian /dev/vda $(($(cat /sys/block/vda/size) * 512)))"
}

# firmware_start NAME bios|efi WORDS...: a machine that its firmware boots; efi keeps its variables in $RUN/NAME.vars.
firmware_start() {
    local name=$1 firmware=$2 words trace=
    shift 2

    words="-machine q35,graphics=off -accel kvm -cpu max -smp 1 -m $GUEST_MEMORY -nodefaults -no-user-config"
    words="$words -display none -serial stdio"
    if [ "$firmware" = efi ]; then
        [ -e "$RUN/variables-$name" ] || cp /usr/share/OVMF/OVMF_VARS_4M.fd "$RUN/variables-$name"
        words="$words -drive if=pflash,format=raw,unit=0,readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"
        words="$words -drive if=pflash,format=raw,unit=1,file=$RUN/variables-$name"
    fi
    [ -n "$NO_TRACE" ] || ! is_ours || trace="-trace virtio_pci_notify_slow -trace vhost_* -D $RUN/$name.trace"
    set -f # no file names out of -trace vhost_*; vmm_spawn undoes it
    # shellcheck disable=SC2086 # options are words
    vmm_spawn "$name" "$(vmm_program)" $words $trace "$@"
}

# The adapter of Debian's disk: debian_device [MORE]
debian_device() {
    echo "vhost-scsi-pci,disable-legacy=on,wwpn=$WWPN,num_queues=1${1:+,$1}"
}

# guest_prompt NAME SECONDS PATTERN [COUNT]: as guest_wait, and an unfinished line counts.
guest_prompt() {
    labwait -p "$RUN/$1.log" "$(($2 * SLOWNESS))" "${4:-1}" "$3" "$RUN/$1.rc"
}

# debian_login NAME SECONDS [COUNT]: waits until Debian has asked COUNT times who is there, and gets a shell.
debian_login() {
    guest_prompt "$1" "$2" 'labguest login: ' "${3:-1}" || return
    echo root > "$RUN/$1.in"
    # A line that is complete ends otherwise.
    guest_prompt "$1" 60 'root@labguest:~# $'
}

# debian_send NAME COMMAND: without waiting.
debian_send() {
    echo "$2" > "$RUN/$1.in"
}

# debian_do NAME SECONDS COMMAND: true if it succeeded. What is typed shows on the console too, but not as the answer.
debian_do() {
    DEBIAN_NUMBER=$((${DEBIAN_NUMBER:-0} + 1))
    debian_send "$1" "$3; echo GUEST''-DONE $DEBIAN_NUMBER rc=\$?"
    guest_wait "$1" "$2" "GUEST-DONE $DEBIAN_NUMBER rc=0"
}

# debian_boots NAME: all that the scenarios bios and efi show of a Debian with a shell.
debian_boots() {
    check "lsblk shows the LUN" debian_do "$1" 60 \
        "lsblk -dno NAME,TYPE,VENDOR,SIZE | sed s/^/GUEST''-LSBLK' '/; test -b /dev/sda"
    check "it is LIO's" guest_says "$1" 'GUEST-LSBLK sda +disk +LIO-ORG'
    check "it writes and syncs a file" debian_do "$1" 60 'cp /boot/vmlinuz-* /root/proof && sync'
    debian_send "$1" reboot
    check "after a reboot from inside the same disk boots" debian_login "$1" 600 2
    check "the file is what it was" debian_do "$1" 60 'cmp /boot/vmlinuz-* /root/proof && rm /root/proof'
    check "nothing on standard error" no_messages "$1"
    debian_send "$1" poweroff
    check "poweroff ends the VMM with status 0" vmm_ends "$1" 60 0
}

### boot sectors

# boot_sector FILE TEXT: a disk of 1 MiB whose first sector writes TEXT to COM1 and stops:
#   cli; xor ax,ax; mov ds,ax; mov si,0x7c16; mov dx,0x3f8; l: lodsb; test al,al; jz h; out dx,al; jmp l; h: hlt; jmp h
boot_sector() {
    truncate -s 1M "$1"
    printf '\372\061\300\216\330\276\026\174\272\370\003\254\204\300\164\003\356\353\370\364\353\375%s\r\n' "$2" |
        dd of="$1" conv=notrunc 2>/dev/null
    printf '\125\252' | dd of="$1" bs=1 seek=510 conv=notrunc 2>/dev/null
}

# no_boot_sector FILE
no_boot_sector() {
    truncate -s 1M "$1"
}

# small_lun WWPN TPGT LUN NAME [none]: a LUN with a boot sector that says "BOOTED NAME", or with none.
small_lun() {
    local file=/target/boot-$4

    if [ "$5" = none ]; then
        no_boot_sector "$file"
    else
        boot_sector "$file" "BOOTED $4"
    fi
    lun_disk "$TARGET/vhost/$1/tpgt_$2" "$3" "$(fileio "boot-$4" "$file" 1048576)"
}
