# SPDX-License-Identifier: GPL-2.0-or-later
# about: Linux' virtio_console: a program behind a port answers, bytes arrive as they were sent, the host knows who listens, hvc0 speaks
# lane: e
# limit: 240

terminal() {
    sed -n "s/^.*redirected to \([^ ]*\) (label $1).*/\1/p" "$RUN/vm.err"
}

# hears DESCRIPTOR TEXT: the next line that comes.
hears() {
    line=
    read -r -t $((30 * SLOWNESS)) line <&"$1"
    equal "$(echo "$line" | tr -d '\r')" "$2" # a console says CR LF
}

# talk NAME COUNT: a program opens the port, for the COUNTth time, and answers.
talk() {
    check "[$1] a program of the guest opens the port" guest_do vm 30 answer org.lab.agent
    check "[$1] the host is told" qmp_wait 30 "$2" '"VSERPORT_CHANGE".*"open": *true'
    echo "$1" >&5
    check "[$1] it answers" hears 5 "heard $1"
}

scenario() {
    target_make
    vmm_start vm 2 2 worker_per_virtqueue=on disk,serve -device virtio-serial-pci,id=serial0 \
        -chardev pty,id=agent -device virtserialport,bus=serial0.0,chardev=agent,id=channel0,name=org.lab.agent \
        -chardev pty,id=hvc -device virtconsole,bus=serial0.0,chardev=hvc $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    exec 5<> "$(terminal agent)" 6<> "$(terminal hvc)"
    stty raw -echo <&5
    stty raw -echo <&6

    talk boot 1
    check "stop" qmp_do stop
    echo stopped >&5
    check "cont" qmp_do cont
    check "what was said meanwhile is heard" hears 5 "heard stopped"
    check "the program ends" guest_do vm 30 hush
    check "the host is told of that" qmp_wait 30 1 '"VSERPORT_CHANGE".*"open": *false'

    head -c 262144 <&5 > "$RUN/got" &
    echo $! >> "$RUN/pids"
    check "the guest sends 256 KiB" guest_do vm 60 emit "org.lab.agent 256"
    wait $!
    check "they are what it sent" equal "$(md5sum < "$RUN/got" | cut -d' ' -f1)" \
        "$(grep '^GUEST-EMIT' "$RUN/vm.log" | tail -n 1 | tr -d '\r' | cut -d' ' -f2)"
    check "the guest writes to hvc0" guest_do vm 30 hvc speaks
    check "and is heard" hears 6 speaks

    guest_send vm reboot
    check "the guest comes back" guest_wait vm 90 GUEST-READY 2
    talk reboot 2
    check "the guest writes to its disk beside it" guest_do vm 60 fill 2
    check "no kick of the disk left the kernel" no_slow_notify vm
    check "no message" no_messages vm
    exec 5>&- 6>&-
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
