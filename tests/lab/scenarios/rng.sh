# SPDX-License-Identifier: GPL-2.0-or-later
# about: Linux' virtio_rng is the guest's source of random numbers, also after a reboot and behind a root port; the limit holds
# lane: e
# limit: 240

# random NAME BYTES: different ones, in two requests or more.
random() {
    check "[$1] the guest reads random bytes" guest_do vm 60 rng "$2"
    current=$(guest_value vm GUEST-RNG current)
    check "[$1] from the device" equal "${current%.*}" virtio_rng
    check "[$1] as many as it asked for" equal "$(guest_value vm GUEST-RNG bytes)" $((2 * $2))
    check "[$1] not the same ones twice" equal "$(guest_value vm GUEST-RNG same)" no
}

scenario() {
    target_make
    EARLY_DEVICES="-device pcie-root-port,id=pci.1,chassis=1,slot=11 -object rng-random,id=urandom,filename=/dev/urandom
        -object rng-builtin,id=builtin"
    vmm_start vm 2 2 worker_per_virtqueue=on disk,serve -device virtio-rng-pci,id=rng0,bus=pci.1,rng=urandom $QMP_OPTIONS
    check "guest is up" guest_wait vm 90 GUEST-READY
    check "monitor answers" qmp_open vm
    [ -e "$RUN/vm.qmp" ] || return
    random boot 4096
    check "an object that is in use stays" qmp_refuses "in use" object-del '"id":"urandom"'
    check "stop" qmp_do stop
    check "cont" qmp_do cont
    random cont 512
    guest_send vm reboot
    check "the guest comes back" guest_wait vm 90 GUEST-READY 2
    random reboot 512
    check "the guest writes to its disk beside it" guest_do vm 60 fill 2
    check "device_del is accepted" qmp_do device_del '"id":"rng0"'
    check "DEVICE_DELETED" qmp_wait 60 1 '"DEVICE_DELETED".*"device": *"rng0"'
    check "its object goes" qmp_do object-del '"id":"urandom"'
    check "a limited one is plugged in" qmp_do device_add \
        '"driver":"virtio-rng-pci","id":"rng1","bus":"pci.1","rng":"builtin","max-bytes":2048,"period":1000'
    random limit 1000
    check "no message" no_messages vm
    check "no kick of the disk left the kernel" no_slow_notify vm
    guest_send vm poweroff
    check "poweroff ends the VMM with status 0" vmm_ends vm 45 0
}
