# SPDX-License-Identifier: GPL-2.0-or-later
# A stock libvirtd in L1 ("needs: libvirt"), and its domain "vm". For busybox ash, beside lib.sh.

virsh() {
    PATH=/vmm:/bin LC_ALL=C /usr/bin/virsh --quiet -c qemu:///system "$@" 2>&1
}

# libvirt_start: libvirtd as root with its usual directories, in the foreground.
libvirt_start() {
    mkdir -p /etc/libvirt /var/lib /var/cache /var/log /dev/pts /run/libvirt
    [ -e /var/run ] || ln -s /run /var/run
    mount -t devpts devpts /dev/pts 2>/dev/null
    # The names that Debian's libvirt is compiled with must be there.
    echo 'libvirt-qemu:x:64055:64055::/:/bin/sh' >> /etc/passwd
    printf 'root:x:0:\nkvm:x:104:\nlibvirt:x:105:\nlibvirt-qemu:x:64055:\n' > /etc/group
    cat > /etc/libvirt/qemu.conf <<END
user = "root"
group = "root"
security_driver = "none"
namespaces = []
cgroup_controllers = []
dynamic_ownership = 0
remember_owner = 0
stdio_handler = "file"
END
    echo 'auth_unix_rw = "none"' > /etc/libvirt/libvirtd.conf
    PATH=/vmm:/bin /usr/sbin/libvirtd > "$RUN/libvirtd.log" 2>&1 &
    LIBVIRTD=$!
    echo "$LIBVIRTD" >> "$RUN/pids"
    wait_for 30 test -S /run/libvirt/libvirt-sock
}

hostdev() {
    cat <<END
<hostdev mode='subsystem' type='scsi_host' managed='no'>
  <source protocol='vhost' wwpn='$WWPN'/><alias name='ua-vs0'/>
</hostdev>
END
}

# vm_start: what guest_wait and the like look at is as if vmm_start had started it.
vm_start() {
    rm -f "$RUN/vm.log"
    : > "$RUN/vm.log"
    virsh start vm || return
    # libvirt ends the line with no newline.
    echo "$(cat /run/libvirt/qemu/vm.pid)" > "$RUN/vm.pid"
    cat "$RUN/vm.pid" >> "$RUN/pids"
    tty=$(virsh ttyconsole vm)
    rm -f "$RUN/vm.in"
    mkfifo "$RUN/vm.in"
    (
        exec 3<> "$RUN/vm.in" 4<> "$tty"
        cat <&4 > /dev/null &
        echo $! >> "$RUN/pids"
        exec cat <&3 >&4
    ) &
    echo $! >> "$RUN/pids"
}

vm_state() {
    equal "$(virsh domstate vm --reason)" "$1"
}

vm_reaches() {
    wait_for "$1" in_state "$2"
}

in_state() {
    [ "$(virsh domstate vm --reason)" = "$1" ]
}
