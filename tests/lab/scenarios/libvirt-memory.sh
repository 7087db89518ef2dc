# SPDX-License-Identifier: GPL-2.0-or-later
# about: libvirt's <hugepages/>, <allocation/>, <numatune> and <numa> as they are, with disk and reset
# lane: libvirt
# needs: libvirt
# only: ours
# limit: 240

. /lab/libvirt.sh
. /lab/memory.sh

domain() {
    cat <<END
<domain type='kvm'>
  <name>vm</name>
  <memory unit='MiB'>256</memory>
  <vcpu>2</vcpu>
  <memoryBacking><hugepages/><allocation mode='immediate' threads='2'/></memoryBacking>
  <numatune><memory mode='strict' nodeset='0'/></numatune>
  <os>
    <type arch='x86_64' machine='q35'>hvm</type>
    <kernel>$GUEST_KERNEL</kernel><initrd>$GUEST_INITRD</initrd>
    <cmdline>$(guest_append disk,fill:2,sum:2,numa,serve)</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode='host-passthrough'>
    <numa>
      <cell id='0' cpus='0' memory='128' unit='MiB'>
        <distances><sibling id='0' value='10'/><sibling id='1' value='21'/></distances>
      </cell>
      <cell id='1' cpus='1' memory='128' unit='MiB'/>
    </numa>
  </cpu>
  <devices>
    <controller type='usb' model='none'/>
    <memballoon model='none'/>
    <serial type='pty'><log file='$RUN/vm.log' append='on'/></serial>
    $(hostdev)
  </devices>
</domain>
END
}

scenario() {
    huge_pages 140
    target_make
    check "libvirtd starts" libvirt_start
    domain > "$RUN/vm.xml"
    check "virsh define" virsh define --validate "$RUN/vm.xml"
    check "virsh start" vm_start
    works libvirt
    note "$(tr '\0' ' ' < "/proc/$(vmm_pid vm)/cmdline" | grep -o 'memory-backend.*-rtc')"
    has_node 0 0 '10 21'
    has_node 1 1 '21 10'
    check "a node's pages are huge ones of the host's node 0" equal "$(huge_with bind:0)" 64
    check "no more are free" free_is 12
    check "virsh destroy" virsh destroy vm
    check "virsh undefine" virsh undefine vm
    check "its pages are free" wait_for 30 free_is 140
    cat /var/log/libvirt/qemu/vm.log > "$RUN/vm.err"
    kill -TERM "$LIBVIRTD"
    check "libvirtd ends" wait_for 30 test ! -d "/proc/$LIBVIRTD"
    huge_pages 0
}
