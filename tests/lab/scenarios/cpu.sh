# SPDX-License-Identifier: GPL-2.0-or-later
# about: features of the processor that -cpu switches off, as the guest's kernel sees them
# lane: c
# limit: 150
# only: ours

scenario() {
    target_make
    vmm_start vm 1 1 '' disk,flags,serve -cpu host,pmu=off,-aes,sse4_2=off,+hle
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "it has what was not switched off" guest_says vm '^GUEST-FLAGS .* sse4_1 '
    for flag in aes sse4_2 arch_perfmon perfctr_core; do
        check "it does not have $flag" equal "$(guest_count vm "^GUEST-FLAGS .* $flag ")" 0
    done
    check "a feature that the host lacks is told of" \
        grep -q "host doesn't support requested feature: CPUID.07H:EBX.hle" "$RUN/vm.err"
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
}
