# SPDX-License-Identifier: GPL-2.0-or-later
# Huge pages of L1, and RAM of guests in them. For busybox ash, beside lib.sh.

POOL=/sys/kernel/mm/hugepages/hugepages-2048kB

pages() { # FILE
    cat "$POOL/$1"
}

free_is() {
    [ "$(pages free_hugepages)" = "$1" ]
}

free_above() {
    [ "$(pages free_hugepages)" -gt "$1" ]
}

# Pages of 2 MiB that the machine has, with the policy of their mapping.
huge_with() { # POLICY
    sed -n "s/^[0-9a-f]* $1 .* huge .*N0=\([0-9]*\).*/\1/p" "/proc/$(vmm_pid vm)/numa_maps" | head -n 1
}

# huge_pages N: the pool of L1.
huge_pages() {
    echo "$1" > "$POOL/nr_hugepages"
    check "the host has $1 huge pages" equal "$(pages nr_hugepages)" "$1"
    mkdir -p /dev/hugepages
    mountpoint -q /dev/hugepages || mount -t hugetlbfs none /dev/hugepages
}

# A node of the guest that has that vCPU, and these distances.
has_node() { # NODE CPUS DISTANCES
    check "the guest's node $1 has vCPU $2 and the distances $3" guest_says vm "GUEST-NODE $1 cpus=$2 mib=[0-9]* distance=$3"
    mib=$(sed -n "s/.*GUEST-NODE $1 .* mib=\([0-9]*\) .*/\1/p" "$RUN/vm.log" | tail -n 1)
    check "it has about 128 MiB: $mib" between "$mib" 70 128
}

between() { # VALUE FROM TO
    [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]
}

# The guest is up; its pages are huge ones of the pool; disk and reset work.
works() { # NAME
    check "[$1] guest is up" guest_wait vm 90 GUEST-READY
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 2)"
    guest_send vm reboot
    check "[$1] the guest comes back" guest_wait vm 90 GUEST-READY 2
    check "[$1] no message" no_messages vm
}
