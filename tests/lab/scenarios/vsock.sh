# SPDX-License-Identifier: GPL-2.0-or-later
# about: sockets between guest and host by vhost-vsock, both ways with checked data; stop, cont, reset, hotplug, a CID that is taken
# lane: e
# needs: vsock
# limit: 400

CID=42

guest_talks() {
    check "[$1] the guest talks to the host" guest_do vm 60 vsock_talk "2 5000 2"
}

host_talks() {
    guest_do vm 30 vsock_echo 6000
    check "[$1] the host talks to the guest" labvsock talk "$CID" 6000 2
}

# A connection that lasts over stop and cont: it is there before, and its data come in between.
stop_and_cont() {
    mkfifo "$RUN/go"
    labvsock talk "$CID" 6000 8 "$RUN/go" > "$RUN/talk" 2>&1 &
    talk=$!
    echo "$talk" >> "$RUN/pids"
    check "the host is connected" wait_for 30 grep -q connected "$RUN/talk"
    check "stop" qmp_do stop
    echo > "$RUN/go"
    sleep 2
    check "the connection waits" kill -0 "$talk"
    check "cont" qmp_do cont
    check "it goes on where it was" wait "$talk"
    cat "$RUN/talk"
}

workers() {
    check "query-vhost-workers" qmp_do query-vhost-workers
    case $QMP_ANSWER in
    *'"role": "receive"'*) check "it shows the queues" true ;;
    *) check "it shows the queues" false; note "$QMP_ANSWER" ;;
    esac
    check "one worker for each device" equal "$(vmm_worker_count vm)" 2
    check "there is no more to be had" qmp_refuses "has one worker for each device" vhost-new-worker '"id":"vsock0"'
    check "x-query-virtio" qmp_do x-query-virtio
}

hotplug() {
    check "device_del" qmp_do device_del '"id":"vsock0"'
    check "DEVICE_DELETED" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"vsock0"'
    check "its worker is gone" equal "$(vmm_worker_count vm)" 1
    check "device_add with the same CID" qmp_do device_add \
        "\"driver\":\"vhost-vsock-pci\",\"id\":\"vsock0\",\"bus\":\"pci.1\",\"guest-cid\":$CID"
    check "the guest has it again" guest_do vm 60 vsock_wait
    guest_talks hotplug
    host_talks hotplug
}

# What another program on this host has.
taken() {
    vmm_spawn second "$(vmm_program)" $(vmm_base 1) -device "vhost-vsock-pci,guest-cid=$CID"
    check "a CID that is in use is refused" vmm_ends second 30 1
    check "by one sentence" equal "$(cat "$RUN/second.err")" \
        "qemu-system-x86_64: -device: vhost-vsock: property 'guest-cid' cannot be '$CID': it is in use on this host: choose another number"
}

# libvirt opens the device and takes the CID before it passes the descriptor.
passed() {
    vmm_spawn third /bin/labvsock with 77 9 "$(vmm_program)" $(vmm_base 1) -append "$(guest_append vsock_load,serve)" \
        -device vhost-vsock-pci,guest-cid=77,vhostfd=9
    check "a descriptor that has the CID already" guest_wait third 90 GUEST-READY
    check "its guest talks to the host" guest_do third 60 vsock_talk "2 5000 1"
    guest_send third poweroff
    check "it ends with status 0" vmm_ends third 60 0
}

scenario() {
    target_make
    labvsock echo 5000 > "$RUN/echo" 2>&1 &
    echo $! >> "$RUN/pids"
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1,slot=11"
    vmm_start vm 1 1 '' disk,vsock_load,serve -device "vhost-vsock-pci,id=vsock0,bus=pci.1,guest-cid=$CID" $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    guest_talks start
    host_talks start
    workers
    stop_and_cont
    guest_send vm reboot
    check "guest is up again" guest_wait vm 90 GUEST-READY 2
    guest_talks reboot
    host_talks reboot
    hotplug
    taken
    check "no kick has left the kernel" no_slow_notify vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 60 0
    passed
}
