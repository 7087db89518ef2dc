# SPDX-License-Identifier: GPL-2.0-or-later
# about: device_del takes the disk's adapter from under Linux' pciehp and device_add brings it back, by MSI-X and by INTx; nothing leaks
# lane: b
# limit: 400

# The monitor is a terminal, since that is all a shell can talk to.
qmp_open() {
    local pts

    pts=$(sed -n 's/^.*redirected to \([^ ]*\) (label qmp).*/\1/p' "$RUN/vm.err")
    [ -c "$pts" ] || return 1
    exec 4<> "$pts"
    stty raw -echo <&4
    cat <&4 > "$RUN/vm.qmp" &
    echo $! >> "$RUN/pids"
    qmp qmp_capabilities
}

# qmp COMMAND [ARGUMENTS]
qmp() {
    echo "{\"execute\":\"$1\",\"arguments\":{$2}}" >&4
}

# said COUNT PATTERN: whether the monitor has said it so many times.
said() {
    [ "$(grep -c -- "$2" "$RUN/vm.qmp")" -ge "$1" ]
}

held() {
    echo "$(vmm_threads vm) threads, $(vmm_fds vm) descriptors, $(vmm_worker_count vm) workers"
}

# remove NUMBER: for the NUMBERth time.
remove() {
    qmp device_del '"id":"disk0"'
    check "[$1] DEVICE_DELETED" wait_for 60 said "$1" '"DEVICE_DELETED".*"device": *"disk0"'
    check "[$1] the guest has no disk" guest_do vm 30 nodisk
    check "[$1] no worker is left" equal "$(vmm_worker_count vm)" 0
    [ -e "$RUN/held" ] || held > "$RUN/held"
    check "[$1] nothing else is left" equal "$(held)" "$(cat "$RUN/held")"
}

# bring NUMBER VECTORS INTERRUPTS
bring() {
    qmp device_add "\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.2\",\"wwpn\":\"$WWPN\",
        \"num_queues\":2,\"worker_per_virtqueue\":true,\"vectors\":$2"
    check "[$1] the guest finds a disk" guest_do vm 60 disk 20
    check "[$1] a worker for each queue" equal "$(vmm_worker_count vm)" 2
    guest_do vm 30 pci
    check "[$1] $3 MSI-X vectors" equal "$(guest_value vm GUEST-PCI msix)" "$3"
    check "[$1] the guest writes and reads" guest_do vm 60 fill 2
    guest_do vm 60 sum 2
    check "[$1] guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 2)"
}

scenario() {
    mkdir -p /dev/pts
    [ -e /dev/pts/ptmx ] || mount -t devpts devpts /dev/pts
    target_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1,slot=11 -device pcie-root-port,id=pci.2,chassis=2,slot=12"
    vmm_start vm 2 2 "id=disk0,bus=pci.2,worker_per_virtqueue=on" disk,fill:2,serve \
        -chardev pty,id=qmp -mon chardev=qmp,mode=control
    check "guest is up with its disk" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open
    [ -e "$RUN/vm.qmp" ] || return
    remove 1
    bring 1 5 5
    remove 2
    bring 2 0 0
    remove 3
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
