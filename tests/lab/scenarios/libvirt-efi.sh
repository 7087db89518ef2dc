# SPDX-License-Identifier: GPL-2.0-or-later
# about: libvirt's <os firmware='efi'> boots Debian from a LUN with a bootindex; virsh reboot, shutdown, undefine --nvram
# lane: libvirt-efi
# needs: disk firmware ovmf libvirt
# only: ours
# limit: 1400
# long: long

. /lab/firmware.sh
. /lab/libvirt.sh

# Without the feature libvirt chooses the build that needs SMM.
domain() {
    cat <<END
<domain type='kvm' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>
  <name>vm</name>
  <memory unit='MiB'>512</memory>
  <vcpu>1</vcpu>
  <os firmware='efi'>
    <type arch='x86_64' machine='q35'>hvm</type>
    <firmware><feature enabled='no' name='secure-boot'/></firmware>
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
    <qemu:property name='bootindex' type='unsigned' value='1'/>
  </qemu:frontend></qemu:device></qemu:override>
</domain>
END
}

# What a log-in manager does, which this Debian has not.
obey_button() {
    debian_do vm 30 'modprobe -a button evdev; udevadm settle' &&
        debian_do vm 30 'n=$(grep -l "Power Button" /sys/class/input/input*/name); e=$(basename ${n%/name}/event*)' &&
        debian_do vm 30 'test -n "$e" && { (head -c 24 /dev/input/$e > /dev/null && poweroff) & }'
}

scenario() {
    debian_target 0
    check "libvirtd starts" libvirt_start
    domain > "$RUN/vm.xml"
    check "virsh define" virsh define --validate "$RUN/vm.xml"
    check "virsh start" vm_start
    vm_state "running (booted)" || return
    check "Debian asks who is there" debian_login vm 600
    check "the variables are a file of the domain" test -s /var/lib/libvirt/qemu/nvram/vm_VARS.fd
    check "it booted by EFI" debian_do vm 30 'test -d /sys/firmware/efi'
    debian_send vm reboot
    check "it boots again" debian_login vm 600 2
    check "it listens to the power button" obey_button
    check "virsh shutdown" virsh shutdown vm
    check "Debian powers off by the button" vm_reaches 90 "shut off (shutdown)"
    check "virsh undefine --nvram" virsh undefine --nvram vm
    check "the variables are gone" test ! -e /var/lib/libvirt/qemu/nvram/vm_VARS.fd
    cat /var/log/libvirt/qemu/vm.log > "$RUN/vm.err"
    kill -TERM "$LIBVIRTD"
    check "libvirtd ends" wait_for 30 test ! -d "/proc/$LIBVIRTD"
}
