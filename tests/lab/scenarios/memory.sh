# SPDX-License-Identifier: GPL-2.0-or-later
# about: RAM in huge pages and on a node of the host, touched at the start, by files and memfds; with disk, balloon, reset, and two NUMA nodes in the guest
# lane: d
# only: ours
# limit: 400

. /lab/memory.sh

refuses() { # MESSAGE OPTION...
    local message=$1
    shift
    set -f
    # shellcheck disable=SC2046
    vmm_spawn bad "$(vmm_program)" $(vmm_base 1) "$@"
    check "refused: $message" vmm_ends bad 30 1
    check "in one sentence" grep -qxF "qemu-system-x86_64: $message" "$RUN/bad.err"
    equal "$(wc -l < "$RUN/bad.err")" 1 || check "one line: $(cat "$RUN/bad.err")" false
}

scenario() {
    huge_pages 140
    target_make

    refuses "memory-backend-memfd 'ram': the host has less than 256 free huge pages of 2048 KiB: raise $POOL/nr_hugepages" \
        -machine memory-backend=ram -m 512 -object memory-backend-memfd,id=ram,size=512M,hugetlb=on
    refuses "memory-backend-file 'ram': prealloc=on: the host has no more huge pages for 512 MiB: free some, or give the guest less" \
        -machine memory-backend=ram -m 512 \
        -object memory-backend-file,id=ram,size=512M,mem-path=/dev/hugepages,reserve=off,prealloc=on
    refuses "memory-backend-memfd 'ram': the host cannot take memory from all of host-nodes: give nodes that /sys/devices/system/node/has_memory lists" \
        -machine memory-backend=ram -object memory-backend-memfd,id=ram,size=256M,hugetlb=on,host-nodes=1,policy=bind
    check "all pages are free again" free_is 140

    vmm_start vm 2 2 worker_per_virtqueue=on disk,fill:2,sum:2,serve -mem-path /dev/hugepages -mem-prealloc
    works mem-path
    check "all of it is in huge pages" equal "$(huge_with default)" 128
    check "no file is seen" equal "$(ls /dev/hugepages)" ""
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    check "its pages are free" free_is 140

    # Half of the guest's RAM by another way, as a node of its own.
    huge_pages 76
    vmm_start vm 2 2 worker_per_virtqueue=on disk,fill:2,sum:2,numa,serve \
        -object memory-backend-memfd,id=a,size=128M,hugetlb=on,hugetlbsize=2M,prealloc=on,prealloc-threads=3,host-nodes=0,policy=bind \
        -object memory-backend-ram,id=b,size=128M \
        -numa node,memdev=a,cpus=0 -numa node,memdev=b,cpus=1 -numa dist,src=0,dst=1,val=25 \
        -device virtio-balloon-pci,id=balloon0,free-page-reporting=on $QMP_OPTIONS
    works numa
    has_node 0 0 '10 25'
    has_node 1 1 '25 10'
    check "all of it comes from node 0" equal "$(huge_with bind:0)" 64
    check "monitor answers" qmp_open vm
    check "none is free for others" free_is 12
    check "the balloon's driver comes" guest_do vm 30 balloon
    check "free pages of the guest go to the pool" wait_for 90 free_above 24
    note "free huge pages: $(pages free_hugepages)"
    check "the guest uses 64 MiB" guest_do vm 90 hold 64
    check "what it holds is what it was" guest_do vm 60 held
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
    check "its pages are free" free_is 76
    huge_pages 0
}
