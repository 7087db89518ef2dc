# SPDX-License-Identifier: GPL-2.0-or-later
# about: a stock libvirtd starts, reboots, replugs and ends a guest with worker_per_virtqueue on the real vhost-scsi
# lane: libvirt
# needs: libvirt
# only: ours
# limit: 240

. /lab/libvirt.sh

# The console goes to a pseudo-terminal, and to vm.log.
domain() {
    cat <<END
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>vm</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>$GUEST_KERNEL</kernel><initrd>$GUEST_INITRD</initrd>
    <cmdline>$(guest_append disk,queues,pci,fill:2,sum:2,button,serve)</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='host-passthrough'/>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='pty'><log file='$RUN/vm.log' append='on'/></serial>
    $(hostdev)
  </devices>
  <qemu:override><qemu:device alias='ua-vs0'><qemu:frontend>
    <qemu:property name='num_queues' type='unsigned' value='2'/>
    <qemu:property name='worker_per_virtqueue' type='bool' value='true'/>
  </qemu:frontend></qemu:device></qemu:override>
</domain>
END
}

has_hostdev() {
    virsh dumpxml vm | grep -q '<hostdev'
}

has_no_hostdev() {
    ! has_hostdev
}

# Without the override's properties, which belong to the domain's start.
adapter_leaves_and_returns() {
    hostdev > "$RUN/hostdev.xml"
    check "virsh detach-device" virsh detach-device vm "$RUN/hostdev.xml"
    check "the guest gives the adapter up" wait_for 60 has_no_hostdev
    check "no vhost thread is left" equal "$(vmm_worker_count vm)" 0
    check "the guest has no disk any more" guest_do vm 30 nodisk
    check "virsh attach-device" virsh attach-device vm "$RUN/hostdev.xml"
    check "the guest finds its disk again" guest_do vm 60 disk 30
    check "the data are there" guest_do vm 60 sum 2
    check "the guest's sum is the backing file's" equal "$(guest_sum vm)" "$(host_sum 2)"
    check "one vhost thread" equal "$(vmm_worker_count vm)" 1
}

boots() {
    check "boot $1: the guest is up" guest_wait vm 90 GUEST-READY "$1"
    check "boot $1: it found its disk" equal "$(guest_count vm "GUEST-DISK sda bytes=$DISK_BYTES queues=2")" "$1"
    check "boot $1: guest and backing file have the same sum" equal "$(guest_sum vm)" "$(host_sum 2)"
    check "boot $1: it listens to the power button" equal "$(guest_count vm '^GUEST-BUTTON event')" "$1"
}

scenario() {
    target_make
    check "libvirtd starts" libvirt_start
    domain > "$RUN/vm.xml"
    check "virsh define" virsh define --validate "$RUN/vm.xml"
    check "virsh start" vm_start
    vm_state "running (booted)" || return
    boots 1
    check "the adapter is behind a root port, with MSI-X" guest_says vm "GUEST-PCI path=0000:00:01.0/0000:01:00.0 msix=[1-9]"
    check "a vhost thread for each queue" equal "$(vmm_worker_count vm)" 2
    note "$(virsh vcpuinfo vm | grep -c 'State: *running') vCPUs run"
    check "virsh suspend" virsh suspend vm
    check "it is paused" vm_state "paused (user)"
    check "virsh resume" virsh resume vm
    check "I/O after it" guest_do vm 60 fill 2
    check "virsh reboot" virsh reboot vm
    check "the guest notices the power button" guest_wait vm 60 'GUEST-BUTTON pressed'
    boots 2
    check "the process is the same" equal "$(cat /run/libvirt/qemu/vm.pid)" "$(vmm_pid vm)"
    adapter_leaves_and_returns
    check "virsh shutdown" virsh shutdown vm
    check "the guest powers off by the button" vm_reaches 60 "shut off (shutdown)"

    check "virsh start, the second" vm_start
    boots 1
    guest_send vm poweroff
    check "poweroff in the guest shuts the domain off" vm_reaches 60 "shut off (shutdown)"

    check "virsh start, the third" vm_start
    check "virsh destroy" virsh destroy vm
    check "it is gone" vm_state "shut off (destroyed)"
    check "virsh undefine" virsh undefine vm
    cat /var/log/libvirt/qemu/vm.log > "$RUN/vm.err"
    kill -TERM "$LIBVIRTD"
    check "libvirtd ends" wait_for 30 test ! -d "/proc/$LIBVIRTD"
}
