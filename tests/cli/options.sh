#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The options that management puts on a command line: each valid form, each
# refusal with its exact sentence. TAP on stdout. usage: options.sh BINARY
set -u

vmm=$1
. "$(dirname "$0")/lib.sh"

# --- help ---
prints '^none +empty machine$' -machine help
prints '^  memory-backend-memfd ' -object help
prints '^  format=<str> ' -object secret,help
prints '^name "pvpanic", bus ISA' -device help
prints '^name "vhost-scsi-pci-non-transitional", bus PCI' -device help
prints 'worker_per_virtqueue=<bool>' -device vhost-scsi-pci-non-transitional,help
refused '-object: no such type; see -object help' -object secrets,help
# A management that sees it would use it.
out=$(timeout 20 "$vmm" -help | grep -c -e -sandbox)
[ "$out" = 0 ]
result $? '-sandbox is not listed' "$out"
refused '-sandbox: this emulator has no sandbox yet: leave it out' \
    -sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny

# --- -object and memory-backend= ---
object() { # MESSAGE ARGUMENT
    refused "-object: $1" -accel qtest -object "$2"
}
object "Parameter 'qom-type' does not accept value 'secrt'; did you mean 'secret'?" secrt,id=x
object "Parameter 'qom-type' does not accept value 'iothread'; see -object help" iothread,id=x
object "Parameter 'qom-type' does not accept value ''; see -object help" '{}'
object "Parameter 'id' is missing" secret,data=x
object "Parameter 'id' expects an identifier" secret,id=1x,data=x
object "Either 'file' or 'data' must be provided" secret,id=x
object "'file' and 'data' are mutually exclusive" secret,id=x,data=x,file=y
object "secret: property 'format' cannot be 'hex': 'raw' or 'base64' is expected" secret,id=x,data=x,format=hex
object "Property 'secret.fil' not found; did you mean 'file'?" secret,id=x,fil=x
object "Parameter 'size' is missing" memory-backend-ram,id=x
object "memory-backend-ram: property 'size' cannot be 0" \
    memory-backend-ram,id=x,size=0
object "Hugepage size must be a power of 2" memory-backend-memfd,id=x,size=1G,hugetlb=on,hugetlbsize=3M
object "memory-backend-memfd: property 'hugetlbsize' needs hugetlb=on" memory-backend-memfd,id=x,size=1G,hugetlbsize=2M
object "memory-backend-ram: property 'prealloc-threads' cannot be '0': a number from 1 to 256 is expected" \
    memory-backend-ram,id=x,size=1G,prealloc-threads=0
object "memory-backend-ram: property 'prealloc-threads' cannot be '257': a number from 1 to 256 is expected" \
    memory-backend-ram,id=x,size=1G,prealloc-threads=257
object "memory-backend-ram: prealloc-context= is not supported: threads run where the emulator may run, leave it out" \
    memory-backend-ram,id=x,size=1G,prealloc-context=y
object "memory-backend-ram: property 'policy' cannot be 'best': 'default' or 'preferred' or 'bind' or 'interleave' is expected" \
    memory-backend-ram,id=x,size=1G,policy=best
object "host-nodes must be set for policy bind" memory-backend-ram,id=x,size=1G,policy=bind
object "host-nodes must be empty for policy default, or you should explicitly specify a policy other than default" \
    memory-backend-ram,id=x,size=1G,host-nodes=0
object "Parameter 'host-nodes' expects a uint64 value or range" memory-backend-ram,id=x,size=1G,policy=bind,host-nodes=x
object "Parameter 'host-nodes' expects a uint64 value or range" memory-backend-ram,id=x,size=1G,policy=bind,host-nodes=1-0
object "Invalid host-nodes value: 128" memory-backend-ram,id=x,size=1G,policy=bind,host-nodes=127,host-nodes=1-128
object "Parameter 'mem-path' is missing" memory-backend-file,id=x,size=1G
object "memory-backend-file: pmem=on is not supported: RAM is not persistent, leave it out" \
    memory-backend-file,id=x,size=1G,mem-path=/tmp,pmem=on
object "memory-backend-file: readonly=on is not supported: it is RAM, leave it out" \
    memory-backend-file,id=x,size=1G,mem-path=/tmp,readonly=on
align() { # VALUE
    object "memory-backend-file: property 'align' cannot be '$1': a power of two from 4 KiB to 1 GiB is expected" \
        "memory-backend-file,id=x,size=1G,mem-path=/tmp,align=$1"
}
align 3
align 2048
align 2147483648

# What a host lacks, which shows when a machine takes the object.
ram() { # MESSAGE OBJECT OPTION...
    local message=$1 object=$2
    shift 2
    refused "$message" -accel qtest -machine memory-backend=x -object "$object" "$@"
}
ram "memory-backend-memfd 'x': the host has less than 524288 free huge pages of 2048 KiB: raise /sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages" \
    memory-backend-memfd,id=x,size=1T,hugetlb=on,hugetlbsize=2M
ram "memory-backend-memfd 'x': property 'hugetlbsize': the host has no huge pages of 4194304 bytes, /sys/kernel/mm/hugepages shows those that it has" \
    memory-backend-memfd,id=x,size=64M,hugetlb=on,hugetlbsize=4M
ram "memory-backend-ram 'x': the host cannot take memory from all of host-nodes: give nodes that /sys/devices/system/node/has_memory lists" \
    memory-backend-ram,id=x,size=64M,policy=bind,host-nodes=127
ram "memory-backend-file 'x': can't open backing store /nonexistent/x for guest RAM: No such file or directory" \
    memory-backend-file,id=x,size=64M,mem-path=/nonexistent/x
ram "memory-backend-file 'x': '/dev/null' is neither a file nor a directory; give one of a hugetlbfs, or of another file system" \
    memory-backend-file,id=x,size=64M,mem-path=/dev/null
truncate -s 32M "$work/short"
ram "memory-backend-file 'x': backing store size 0x2000000 does not match 'size' option 0x4000000: make '$work/short' longer or remove it" \
    "memory-backend-file,id=x,size=64M,mem-path=$work/short"
ram "memory-backend-file 'x': the host cannot take memory from all of host-nodes: give nodes that /sys/devices/system/node/has_memory lists" \
    "memory-backend-file,id=x,size=64M,mem-path=$work/new,policy=bind,host-nodes=127"
[ ! -e "$work/new" ]
result $? 'a file that was made is gone after a failure' "$(ls -l "$work")"
ram "'-mem-path' can't be used together with '-machine memory-backend'" memory-backend-ram,id=x,size=64M -mem-path /tmp
refused "memory-backend-file 'pc.ram': can't open backing store /nonexistent/x for guest RAM: No such file or directory" \
    -accel qtest -mem-path /nonexistent/x
runs -m 64 -mem-prealloc -smp 2
runs -m 64 -mem-path "$work" -mem-prealloc
[ -z "$(find "$work" -name 'qemu_back_mem*')" ]
result $? 'RAM in a directory leaves no file' "$(ls -l "$work")"
# Not by "runs", whose signal ends what touches RAM: "quit" is read once the machine is there.
echo '{"execute":"qmp_capabilities"}{"execute":"quit"}' | timeout 60 "$vmm" -accel qtest -display none -qmp stdio \
    -machine memory-backend=x > "$work/out" \
    -object "memory-backend-file,id=x,size=64M,mem-path=$work/file,share=on,prealloc=on,prealloc-threads=3,align=2M"
result $? 'RAM that is touched at the start by three threads'
[ "$(stat -c %s "$work/file")" = $((64 << 20)) ] && [ "$(stat -c %b "$work/file")" -ge $((64 << 11)) ]
result $? 'a shared file that was touched has all of the RAM' "$(stat "$work/file")"
runs -machine memory-backend=x -object "memory-backend-file,id=x,size=64M,mem-path=$work/file,share=on,discard-data=on"
[ "$(stat -c '%s %b' "$work/file")" = "$((64 << 20)) 0" ]
result $? 'discard-data=on leaves a hole' "$(stat "$work/file")"
refused "-numa: CPU index (1) should be smaller than maxcpus (1)" -accel qtest -numa node,cpus=1
runs -m 64 -smp 3,sockets=3 -object memory-backend-ram,id=a,size=32M -object memory-backend-memfd,id=b,size=32M \
    -numa node,memdev=a,cpus=0,cpus=2 -numa node,memdev=b,cpus=1 -numa dist,src=0,dst=1,val=15
# Somebody cuts the file of the RAM.
coproc VMM {
    exec timeout 60 "$vmm" -accel qtest -display none -qtest stdio -qtest-log none -machine memory-backend=x \
        -object "memory-backend-file,id=x,size=64M,mem-path=$work/file,share=on" 2> "$work/err"
}
echo 'writeb 0x1000 0x1' >&"${VMM[1]}"
read -r out <&"${VMM[0]}"
pid=$VMM_PID
truncate -s 0 "$work/file"
echo 'writeb 0x1000 0x2' >&"${VMM[1]}"
wait "$pid"
out="$out, $?, $(cat "$work/err")"
[ "$out" = "OK, 1, qemu-system-x86_64: guest RAM: the host has no page for it any more; give prealloc=on to be told at the start, and let nobody cut the file of mem-path" ]
result $? 'RAM that is gone is one sentence' "$out"
runs -machine memory-backend=x -object memory-backend-ram,id=x,size=64M,policy=bind,host-nodes=0,prealloc=on
object "Property 'rng-builtin.filename' not found" rng-builtin,id=x,filename=/dev/random
prints 'filename=<str>' -object rng-random,help
rng() { # MESSAGE OBJECT OPTIONS
    refused "-device: $1" -accel qtest ${2:+-object "$2"} -device "virtio-rng-pci,$3"
}
rng "virtio-rng: property 'rng' cannot be 'x': there is no such object; give -object rng-random,id=x" '' rng=x
rng "virtio-rng: property 'rng' cannot be 's': there is no such object; give -object rng-random,id=s" \
    secret,id=s,data=x rng=s
rng "rng-random: cannot open '/nonexistent': No such file or directory" rng-random,id=x,filename=/nonexistent rng=x
rng "rng-random: property 'filename' cannot be '$vmm': a character device such as /dev/urandom is expected" \
    "rng-random,id=x,filename=$vmm" rng=x
rng "virtio-rng-pci: property 'max-bytes' cannot be '0': a number from 1 to 9223372036854775807 is expected" '' max-bytes=0
rng "virtio-rng-pci: property 'period' cannot be '0': a number from 1 to 4294967295 is expected" '' period=0
refused '-device: Only one balloon device is supported' -accel qtest -device virtio-balloon-pci -device virtio-balloon-pci
refused "-object: Duplicate ID 'x' for object" -accel qtest -object secret,id=x,data=a -object secret,id=x,data=b
refused "-machine: Memory backend 'x' not found" -accel qtest -machine memory-backend=x
refused "-machine: Memory backend 'x' not found" -accel qtest -machine memory-backend=x -object secret,id=x,data=a
refused "-machine: Machine memory size does not match the size of the memory backend: -m says 33554432 bytes and 'x' has 67108864" \
    -accel qtest -machine memory-backend=x -object memory-backend-ram,id=x,size=64M -m 32
runs -object '{"qom-type":"secret","id":"masterKey0","format":"raw","file":"/nonexistent/master-key.aes"}' \
    -object memory-backend-memfd,id=x,size=64M
runs -m 64 -machine memory-backend=x -object '{"qom-type":"memory-backend-ram","id":"x","size":67108864}'
runs -machine memory-backend=x -object memory-backend-ram,id=x,size=64M,prealloc=on,share=off,reserve=on

# ram_of KIND [MORE [FLAG]]: how the guest's RAM of a machine is mapped, once it is, and without FLAG (10 s at most).
ram_of() {
    "$vmm" -accel qtest -display none "${seen[@]}" -machine "memory-backend=x${2:-}" -object "$1,id=x,size=48M" \
        -qtest "unix:$work/q,server=on,wait=off" < /dev/null &
    local pid=$! found=
    for _ in $(seq 200); do
        found=$(grep -A25 -E '^[0-9a-f]+-[0-9a-f]+ .*' "/proc/$pid/smaps" |
            awk '/^[0-9a-f]+-[0-9a-f]+ /{ name = $6 } /^Size:/ { size = $2 } /^VmFlags:/ { if (size == 49152) print name, $0 }')
        if [ -n "$found" ] && { [ -z "${3:-}" ] || ! grep -q " $3" <<< "$found"; }; then
            break
        fi
        sleep 0.05
    done
    echo "$found"
    kill -TERM "$pid"
    wait "$pid"
    rm -f "$work/q"
}
out=$(ram_of memory-backend-memfd)
grep -q '^/memfd:guest-ram ' <<< "$out"
result $? 'memory-backend-memfd is a memfd' "$out"
out=$(ram_of memory-backend-ram,share=on)
grep -q '^/memfd:guest-ram ' <<< "$out"
result $? 'share=on is a memfd' "$out"
# Of another user's qmp/privileges.py looks into the dump.
[ ${#seen[@]} -gt 0 ] || grep -q ' dd' <<< "$out"
result $? 'a core dump does not hold RAM' "$out"
out=$(ram_of "memory-backend-file,mem-path=$work/file")
grep -q "^$work/file " <<< "$out"
result $? 'memory-backend-file is a file' "$out"
out=$(ram_of memory-backend-memfd ,dump-guest-core=on dd)
[ -n "$out" ] && ! grep -q ' dd' <<< "$out"
result $? 'dump-guest-core=on: a core dump holds RAM' "$out"

# --- -machine, -accel, -cpu, -smp ---
refused "unsupported machine type 'non'; did you mean 'none'?" -machine non
refused '-machine: this machine has no vmport: give vmport=off' -machine vmport=on
refused "-machine: parameter 'dump-guest-core' expects 'on' or 'off'" -machine dump-guest-core=perhaps
refused "-machine: parameter 'acpi' expects 'on' or 'off'" -machine acpi=perhaps
refused "-machine: kernel-irqchip=split is not supported: the interrupt controllers are KVM's, give on" \
    -machine kernel-irqchip=split
refused "invalid accelerator 'tcg'; see -accel help" -machine none,accel=tcg
refused '-device: vhost-scsi-pci: the machine has no bus for this device' \
    -machine none -accel qtest -device vhost-scsi-pci,wwpn=naa.5001405aaaaaaaaa
runs -machine none
tries() { # ARGUMENT...: starts on qtest, whatever else there is to try
    out=$(timeout 20 "$vmm" -display none -S -qmp stdio "$@" <<< '{"execute":"qmp_capabilities"}{"execute":"quit"}' 2>&1)
    grep -q SHUTDOWN <<< "$out"
    result $? "tries: $*" "$out"
}
tries -machine none,accel=tcg:qtest
tries -accel qtest -accel tcg
tries -accel qtest -accel nonsense,x=y
tries -accel tcg,thread=multi -accel qtest
tries -accel qtest -accel kvm
tries -machine accel=kvm -machine q35,accel=qtest
refused "invalid accelerator 'xen'; see -accel help" -accel tcg -accel xen
refused '-initrd is only allowed with -kernel' -accel kvm -accel tcg -initrd x
refused "-accel: unknown parameter 'thread'" -accel kvm,thread=multi
refused 'The -accel and "-machine accel=" options are incompatible' -accel qtest -machine accel=qtest
for version in 2.4 2.12 4.0.1 6.2 7.1 7.2 7.2+deb12u13 2.9+x+y; do
    runs -machine "pc-q35-$version"
done
prints '^pc-q35-4.0.1 .*the same as pc-q35-7.2' -machine help
for version in 2.3 2.13; do
    refused "unsupported machine type 'pc-q35-$version'; see -machine help" -machine "pc-q35-$version"
done
for version in 7.3 7.2- 7.20; do
    refused "unsupported machine type 'pc-q35-$version'; did you mean 'pc-q35-7.2'?" -machine "pc-q35-$version"
done 2>&1
runs -machine q35,graphics=off,usb=off,vmport=auto,hpet=off,dump-guest-core=off,mem-merge=off,kernel-irqchip=on,acpi=auto
runs -machine q35,acpi=off -no-hpet
runs -no-acpi -cpu host,migratable=on -smp 2,maxcpus=2,sockets=2,dies=1,clusters=1,cores=1,threads=1
for feature in +x2apic -x2apic x2apic=on x2apic=off x2apic pmu=off kvm=off +sse4_1 -sse4.1 tsc-deadline=off \
    hv_relaxed=off check enforce host-phys-bits=on -vmx,-svm,pmu=off; do
    runs -cpu "host,$feature"
done
refused "-cpu: feature 'vmxx' cannot be switched; did you mean 'vmx'?" -cpu host,-vmxx
refused "-cpu: feature 'model-id' cannot be switched; see -cpu help" -cpu host,model-id=on
refused "-cpu: parameter 'vmx' expects 'on' or 'off'" -cpu host,vmx=maybe
refused '-cpu: host-phys-bits=off is not supported: the guest has as many address bits as the host, leave it out' \
    -cpu max,host-phys-bits=off
for feature in hv_relaxed hv-relaxed hv_vapic=on +hv-time; do
    name=${feature#+}
    refused "-cpu: '${name%=on}' cannot be switched on: what Hyper-V offers is for Windows, which this machine does not start: leave it out" \
        -cpu "host,$feature"
done
prints ' vmx ' -cpu help
refused '-smp: dies > 1 not supported by this machine: leave it out' -smp 4,dies=2
refused "-smp: 'clusters' cannot be '0': a number from 1 to 255 is expected" -smp 4,clusters=0

# --- what there is not, and what to give instead ---
screen="there is no screen, and the guest's console is its serial port, leave it out or give -display none (virt-install: \
--graphics none)"
sound='there is no sound, leave it out (virt-install: --sound none)'
input="there is no screen, and the guest's keyboard is its serial port, leave it out (virt-install: --graphics none)"
disk="a disk, and the image of a CD, is a LUN of the host's target, give -device vhost-scsi-pci,wwpn=... (virt-install: \
--import --disk none, and the target as a hostdev by --xml)"
usb="there are no USB devices and no controller but qemu-xhci, leave it out (in a domain's XML <controller type='usb' \
model='qemu-xhci'/> or model='none')"
network='the network is a virtio-net-pci on a tap of the host, give -nic tap (virt-install: --network bridge=NAME,model=virtio)'
absent() { # MESSAGE NAME...: devices, and options if they begin with "-"
    local message=$1 name
    shift

    for name; do
        case $name in
        -*) refused "$name: invalid option: $message" -accel qtest "$name" x ;;
        *) refused "-device: '$name' is not a valid device model name: $message" -accel qtest -device "$name" ;;
        esac
    done
}
absent "$disk" virtio-blk-pci virtio-scsi-pci ide-hd ide-cd scsi-hd scsi-cd nvme ahci usb-storage -hda -cdrom -fda
absent "$screen" VGA qxl qxl-vga virtio-vga virtio-vga-gl virtio-gpu-pci bochs-display -spice -sdl
absent "$sound" AC97 ich9-intel-hda hda-duplex hda-micro -soundhw
absent "$input" usb-tablet usb-kbd usb-mouse virtio-tablet-pci virtio-keyboard-pci virtio-mouse-pci
refused "-device: qemu-xhci: property 'p2' cannot be '16': a number from 1 to 15 is expected" -accel qtest -device qemu-xhci,p2=16
refused "-device: qemu-xhci: property 'p3' cannot be '0': a number from 1 to 15 is expected" -accel qtest -device qemu-xhci,p3=0
runs -device '{"driver":"qemu-xhci","p2":15,"p3":15,"id":"usb","bus":"pcie.0","addr":"0x5"}' -device qemu-xhci
absent "$usb" nec-usb-xhci usb-redir usb-host ich9-usb-ehci1 ich9-usb-uhci1 piix3-usb-uhci -usb -usbdevice
absent "$network" e1000 e1000e rtl8139 vmxnet3
absent 'there is no TPM, leave it out (virt-install: --tpm none)' tpm-crb tpm-tis -tpmdev
absent 'there is no watchdog, leave it out (virt-install: --watchdog none)' i6300esb -watchdog
absent "no directory of the host can be shared, give files to the guest by the network or by vsock (virt-install: no \
--filesystem)" virtio-9p-pci vhost-user-fs-pci -virtfs
absent 'devices of the host are not passed on, leave it out (virt-install: no --hostdev of a PCI device)' vfio-pci
absent 'the bridges are root ports, give -device pcie-root-port' i82801b11-bridge pcie-pci-bridge
absent 'virtio devices are modern ones, leave -transitional out' vhost-scsi-pci-transitional
refused "-device: 'usb-tablet' is not a valid device model name: $input" -device usb-tablet,help
for screen_of in 'display gtk' 'vga std' 'vnc 127.0.0.1:0,audiodev=audio1'; do
    refused "-${screen_of%% *}: '${screen_of#* }' is not supported: $screen" -"${screen_of%% *}" "${screen_of#* }"
done
refused "-net: 'user' is not supported: $network" -net user
refused "-chardev: 'spicevmc' is not a valid char driver name: $screen" -accel qtest -chardev spicevmc,id=c,name=vdagent
# The names that people give them.
prints '^name "virtio-net-pci", bus PCI, alias "virtio-net", desc' -device help
runs -device virtio-serial,id=s -device virtio-rng -device virtio-balloon -global virtio-serial.addr=5

# --- -global ---
global() { # MESSAGE ARGUMENT
    refused "-global: $1" -accel qtest -global "$2"
}
global "'PIIX4_PN' is not a valid device model name; did you mean 'PIIX4_PM'?" PIIX4_PN.disable_s3=1
global "'nvmf' is not a valid device model name; see -device help" nvmf.x=1
global "Property 'vhost-scsi-pci.iothread' not found" vhost-scsi-pci.iothread=1
global "vhost-scsi-pci: property 'num_queues' cannot be '0': a number from 1 to 1024 or 'auto' is expected" \
    vhost-scsi-pci.num_queues=0
global "kvm-pit: property 'lost_tick_policy' cannot be 'slew': 'delay' or 'discard' is expected" \
    kvm-pit.lost_tick_policy=slew
global "ICH9-LPC: property 'disable_s3' cannot be '2': a number from 0 to 1 is expected" ICH9-LPC.disable_s3=2
for bad in x x=1 driver=x,property=y; do
    global "'$bad' is not DRIVER.PROPERTY=VALUE: give for example vhost-scsi-pci.num_queues=4" "$bad"
done
runs -global kvm-pit.lost_tick_policy=delay -global ICH9-LPC.disable_s3=1 -global ICH9-LPC.disable_s4=0 \
    -global PIIX4_PM.disable_s3=1 -global driver=PIIX4_PM,property=disable_s4,value=1 -no-hpet
# The default that it changes can be given again.
refused "-device: isa-serial: index=1 (COM2) is taken: give another, or -serial none" -accel qtest -nodefaults \
    -global isa-serial.index=1 -device isa-serial -device isa-serial
runs -nodefaults -global isa-serial.index=1 -device isa-serial -device isa-serial,index=0

# --- -pflash, -drive, -blockdev ---
truncate -s 64K "$work/code"
truncate -s 16K "$work/vars"
refused "-drive: only if=pflash, the firmware's flash, is supported: $disk" -drive "file=$work/vars,format=raw"
refused "-drive: only if=pflash, the firmware's flash, is supported: $disk" -drive "file=$work/vars,if=virtio"
refused "-drive: file=FILE is missing" -drive if=pflash
refused "-drive: format 'qcow2' is not supported: a flash is raw" -drive "if=pflash,format=qcow2,file=$work/code"
refused "-drive: unit '2' of a flash: 0, the firmware, or 1, its variables, is expected" \
    -drive "if=pflash,unit=2,file=$work/code"
refused "-drive: unknown parameter 'file.locking'" -drive "if=pflash,file.locking=off,file=$work/code"
refused "-drive: parameter 'readonly' expects 'on' or 'off'" -drive "if=pflash,readonly=maybe,file=$work/code"
refused "-drive: flash 0 is there already: it is '$work/code'" \
    -drive "if=pflash,unit=0,file=$work/code" -drive "if=pflash,unit=0,file=$work/vars"
refused "flash 1, the firmware's variables, is given, and flash 0, the firmware, is missing: give both" \
    -drive "if=pflash,unit=1,file=$work/vars"
refused "-bios cannot be used with a flash that has the firmware: leave one of them out" \
    -bios "$work/code" -pflash "$work/code"
refused "pflash1: cannot open '$work/none': No such file or directory" -accel qtest -pflash "$work/code" -pflash "$work/none"
refused "kernel '$work/code' is not a Linux bzImage; give a /boot/vmlinuz or arch/x86/boot/bzImage of a kernel build" \
    -accel qtest -pflash "$work/code" -kernel "$work/code"
refused "cfi.pflash01: secure=on needs SMM, which this machine does not have; choose a firmware without Secure Boot: \
in a domain's XML <firmware><feature enabled='no' name='secure-boot'/></firmware>" \
    -accel qtest -pflash "$work/code" -global driver=cfi.pflash01,property=secure,value=on
refused "-machine pflash0: there is no -blockdev with node-name=code" -machine pflash0=code
refused "-blockdev: driver 'qcow2' is not supported: a flash is 'raw' on 'file'; $disk" \
    -machine pflash0=x -blockdev qcow2,node-name=x,file=y
refused "-blockdev: driver 'file': filename=FILE is missing" -machine pflash0=x -blockdev file,node-name=x
refused "-blockdev: driver 'raw': file=NODE must name a node of driver 'file'" \
    -machine pflash0=x -blockdev raw,node-name=x,file=x
refused "-blockdev: a node is used by none of -machine pflash0= and pflash1=: leave it out; $disk" \
    -blockdev "file,node-name=x,filename=$work/code"
refused '-blockdev: unknown parameter '"'offset'" -machine pflash0=x \
    -blockdev '{"driver":"raw","node-name":"x","offset":0,"file":{"driver":"file","filename":"'"$work/code"'"}}'
refused "-machine: this machine has no SMM, which a firmware with Secure Boot needs: choose one without it (in a \
domain's XML <firmware><feature enabled='no' name='secure-boot'/></firmware>) and give smm=off" -machine q35,smm=on

# --- -overcommit, -boot, -rtc, -audiodev ---
refused '-overcommit: cpu-pm=on is not supported: a vCPU that halts leaves its processor to others' -overcommit cpu-pm=on
refused "-overcommit: parameter 'mem-lock' expects 'on' or 'off'" -overcommit mem-lock=perhaps
runs -overcommit mem-lock=off,cpu-pm=off
# A sanitizer's mlockall() does nothing.
if [ "$(id -u)" = 0 ] && command -v setpriv > /dev/null && ! grep -qE '__[at]san_init' "$vmm"; then
    # A process without the capability has the limit.
    out=$(ulimit -l 64; setpriv --bounding-set=-ipc_lock --inh-caps=-ipc_lock \
        timeout 20 "$vmm" -accel qtest -display none -overcommit mem-lock=on 2>&1 < /dev/null)
    [ "$out" = "$me: -overcommit: mem-lock=on: cannot lock the emulator's memory, raise its limit (ulimit -l): Cannot allocate memory" ]
    result $? 'mem-lock=on beyond the limit' "$out"
fi
refused "-boot: Invalid boot device 'z'" -boot z
refused "-boot: unknown parameter 'stric'; did you mean 'strict'?" -boot stric=on
refused "-boot: parameter 'menu' expects 'on' or 'off'" -boot menu=maybe
refused "-boot: Boot device 'c' was given twice" -boot cdc
refused "-boot: splash-time value is invalid, it should be a value between 0 and 65535" -boot splash-time=65536
refused "-boot: splash-time value is invalid, it should be a value between 0 and 65535" -boot splash-time=-1
refused "-boot: reboot-timeout value is invalid, it should be a value between -1 and 65535" -boot reboot-timeout=-2
runs -boot strict=on -boot dc -boot order=c,once=d,menu=off,splash-time=65535,reboot-timeout=-1
for bad in 2006-13-01 1979-12-31 2100-01-01 2006-06-17T25:00:00 2006; do
    refused "-rtc: base cannot be '$bad': utc, localtime or a date from 1980 to 2099 such as 2006-06-17T16:01:21 is expected" \
        -rtc "base=$bad"
done
refused "-rtc: driftfix cannot be 'x': none or slew is expected" -rtc driftfix=x
runs -rtc base=localtime,driftfix=slew
runs -rtc base=2006-06-17,driftfix=none
runs -rtc base=2006-06-17T16:01:21,clock=vm
refused "-audiodev: 'alsa' is not supported: $sound" -audiodev alsa,id=x
refused "-audiodev: Parameter 'id' is missing" -audiodev none
runs -audiodev '{"id":"audio1","driver":"none"}' -audiodev none,id=audio2

# --- -action, -msg, -name ---
refused "-action: Parameter 'reboot' does not accept value 'reste'; did you mean 'reset'?" -action reboot=reste
refused "-action: Parameter 'panic' does not accept value 'x'" -action panic=x
refused "-action: unknown parameter 'panik'; did you mean 'panic'?" -action panik=none
runs -action reboot=shutdown,shutdown=pause,panic=exit-failure,watchdog=none -action panic=none
refused "-msg: unknown parameter 'time'" -msg time=on
out=$(timeout 20 "$vmm" -msg timestamp=on -name guest=x,debug-threads=on -m lots 2>&1)
grep -qE "^20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z $me: -m: invalid size 'lots'" <<< "$out"
result $? 'timestamp=on: a message begins with the time' "$out"
out=$(timeout 20 "$vmm" -accel qtest -name guest=x -msg guest-name=on -device x 2>&1)
grep -q "^x $me: -device: 'x' is not a valid device" <<< "$out"
result $? 'guest-name=on: a message begins with the name' "$out"

# --- pvpanic ---
refused '-device: pvpanic: the machine has one already: its guest looks for no more' \
    -accel qtest -device pvpanic -device pvpanic
refused "-device: pvpanic: property 'events' cannot be '4': a number from 0 to 3 is expected" \
    -accel qtest -device pvpanic,events=4
runs -device pvpanic,ioport=0x505,events=1
runs -device '{"driver":"pvpanic","id":"panic0","ioport":1285}'

# --- -fw_cfg ---
fw_cfg() { # MESSAGE ARGUMENT
    refused "-fw_cfg: $1" -accel qtest -fw_cfg "$2"
}
name55=opt/$(printf '%051d' 0)
fw_cfg "one of 'string' and 'file' is required" name=opt/x
fw_cfg "one of 'string' and 'file' is required" opt/x,string=a,file=b
fw_cfg "parameter 'name' is required" string=a
fw_cfg "the name of a file has 1 to 55 bytes, '' has 0" name=,string=a
fw_cfg "the name of a file has 1 to 55 bytes, '${name55}0' has 56" "${name55}0,string=a"
fw_cfg "unknown parameter 'strin'; did you mean 'string'?" opt/x,strin=a
fw_cfg "'gen_id' is not supported: no object here makes data, give string= or file=" opt/x,gen_id=a
fw_cfg "cannot open '/nonexistent': No such file or directory" opt/x,file=/nonexistent
fw_cfg "cannot read '/tmp': Is a directory" opt/x,file=/tmp
fw_cfg "file '/dev/zero' has more than 16 MiB" opt/x,file=/dev/zero
truncate -s 16M "$work/large"
runs -fw_cfg "opt/x,file=$work/large"
truncate -s 16777217 "$work/large"
fw_cfg "file '$work/large' has more than 16 MiB" "opt/x,file=$work/large"
refused "-fw_cfg: there is a file 'opt/x' already" -accel qtest -fw_cfg opt/x,string=a -fw_cfg opt/x,string=b
runs -fw_cfg "$name55,string=a" -fw_cfg name=opt/y,string= -fw_cfg opt/z,file=/dev/null
printf '[fw_cfg]\nname = "opt/x"\nstring = "a,b"\n[smbios]\ntype = "1"\n' > "$work/config"
runs -readconfig "$work/config"
out=$(timeout 20 "$vmm" -accel qtest -fw_cfg etc/x,string=a -fw_cfg x 2>&1)
[ "$out" = "$me: warning: externally provided fw_cfg item names should be prefixed with \"opt/\"
$me: -fw_cfg: one of 'string' and 'file' is required" ]
result $? 'a name without opt/ is warned of' "$out"

# --- -smbios ---
refused "-smbios: parameter 'type' is required: give type= and the fields of that type" -accel qtest -smbios serial=x
refused "-smbios: 'file' is not supported: give type= and the fields of that type" -accel qtest -smbios file=x
refused "-smbios type=1: unknown parameter 'serail'; did you mean 'serial'?" -accel qtest -smbios type=1,serail=x
runs -smbios type=0,vendor=v,version=1,date=01/02/2026,release=1.2,uefi=on -smbios type=11,value=a,value=b \
    -smbios type=1,manufacturer=m,product=p,version=1,serial=s,sku=s,family=f -smbios type=17,speed=65535

# --- -add-fd ---
refused '-add-fd: fd is not valid or already in use' -accel qtest -add-fd fd=99,set=0
refused '-add-fd: fd cannot be a standard I/O stream' -accel qtest -add-fd fd=2,set=0
refused '-add-fd: set option is required and must be non-negative' -accel qtest -add-fd fd=3
refused "-chardev: chardev 'c': cannot open file '/dev/fdset/0': No such file or directory" \
    -accel qtest -chardev file,id=c,path=/dev/fdset/0
out=$(timeout 20 "$vmm" -accel qtest -add-fd fd=7,set=0 -chardev file,id=c,path=/dev/fdset/0 7< /dev/null 2>&1)
[ "$out" = "$me: -chardev: chardev 'c': cannot open file '/dev/fdset/0': Permission denied" ]
result $? 'a descriptor for reading is not for writing' "$out"

finish
