# SPDX-License-Identifier: GPL-2.0-or-later
# about: SIGKILL while the guest sets UEFI variables, fifty times: OVMF takes what is left in its flash, and nothing is lost
# lane: efi
# needs: disk firmware ovmf
# limit: 3000
# long: long

. /lab/firmware.sh

KILLS=50

# Of the last line with this word, once the line is whole.
last_number() {
    tr -d '\r' < "$RUN/vm.log" | sed -n "s/^$1 \([0-9]*\)\$/\1/p" | tail -n 1
}

# kill_once NUMBER: boots, and ends it while a variable is written, behind at least the first.
kill_once() {
    firmware_start vm efi -kernel "$GUEST_KERNEL" -initrd "$GUEST_INITRD" \
        -append "console=ttyS0 quiet $LAB_KERNEL_WORDS lab.run=variables"
    check "boot $1: the guest writes variables" guest_wait vm 120 '^GUEST-VARIABLE [0-9]' $((RANDOM % 10 + 1))
    guest_says vm '^GUEST-VARIABLE [0-9]' || return
    usleep $((RANDOM * 8))
    kill -9 "$(vmm_pid vm)"
    vmm_ends vm 45 137
    was=$(last_number GUEST-VARIABLE-WAS) last=$(last_number GUEST-VARIABLE)
}

scenario() {
    local number before=0

    for number in $(seq "$KILLS"); do
        kill_once "$number" || return
        # What was said is written; one more may be.
        check "boot $number: the variable is that of the last write" \
            test "$was" = "$before" -o "$was" = "$((before + 1))" || note "was $was, said $before"
        before=$last
    done
}
