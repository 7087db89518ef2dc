#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line of the shipped binary: each valid form, each refusal with
# its exact sentence, exit status and number of lines. TAP on stdout.
# usage: cmdline.sh BINARY
set -u

vmm=$1
. "$(dirname "$0")/lib.sh"

# --- help ---
prints '^usage: qemu-system-x86_64' -help
prints '^usage: ' -h
prints '^usage: ' --help
prints '^QEMU emulator version 7\.2\.0 \(qemu-vhost-scsi [0-9]+\.[0-9]+\.[0-9]+\)$' -version
prints '^q35 +.*alias of pc-q35' -machine help
prints '^q35' -M help
prints '^name "vhost-scsi-pci", bus PCI' -device help
prints '^ +wwpn=<str>.*\(required\)$' -device vhost-scsi-pci,help
prints 'worker_per_virtqueue=<bool>.*default: off' -device vhost-scsi-pci,help
prints '^kvm$' -accel help
prints '^x86 host' -cpu help
prints 'socket' -chardev help
prints '^vhost_new_worker$' -trace help
prints '^guest_errors' -d help

# --- unknown and malformed ---
refused '-nographics: invalid option; did you mean '"'-nographic'?" -nographics
refused '--xyzzy: invalid option; see -help' --xyzzy
refused 'disk.img: unexpected argument: a disk is given with -device vhost-scsi-pci,wwpn=...' disk.img
refused '-m: requires an argument' -m
refused "-m: invalid size 'lots': a number with an optional suffix M, G or T is expected" -m lots
refused "-m: unknown parameter 'slot'" -m 512,slot=2
refused '-m: 1048576 bytes of RAM: whole MiB from 16 MiB to 1048576 MiB are expected' -accel qtest -m 1
refused '-m: 1100048498688 bytes of RAM: whole MiB from 16 MiB to 1048576 MiB are expected' -accel qtest -m 1049088
refused "-smp: 'cpus' cannot be '0': a number from 1 to 255 is expected" -smp 0
refused "-smp: 'cpus' cannot be '256': a number from 1 to 255 is expected" -smp 256
refused '-smp: sockets (2) * cores (2) * threads (1) must be the number of vCPUs (3), at most 255' -smp 3,sockets=2,cores=2
refused '-smp: maxcpus (4) must be cpus (2): vCPUs cannot be added later, leave maxcpus out or give all of them at the start with cpus=4' -smp 2,maxcpus=4
refused "unsupported machine type 'q53'; did you mean 'q35'?" -machine q53
refused '-machine: this machine has no usb: give usb=off' -machine q35,usb=on
refused "-machine: unknown parameter 'usbb'; did you mean 'usb'?" -machine q35,usbb=off
refused "invalid accelerator 'xen'; see -accel help" -accel xen
refused "unable to find CPU model 'hosd'; did you mean 'host'?" -cpu hosd
refused "-uuid: 'x' is not a UUID (xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx)" -uuid x
for model in qemu64 kvm64 Skylake-Server EPYC-Rome,+x2apic,+vmx; do
    refused "unable to find CPU model '${model%%,*}'; this machine passes the host's processor on: give host (in a domain's \
XML <cpu mode='host-passthrough'/>)" -cpu "$model"
done
refused "-m: invalid size '': a number with an optional suffix M, G or T is expected" -m '{}'
refused "invalid accelerator ''; see -accel help" -accel '{}'
refused "-parallel: 'x' is not supported: only 'none' is" -parallel x
user="netdev type 'user' is not supported: the kernel's vhost-net moves the packets of a tap, give 'tap'"
refused "-nic: $user" -accel qtest -nic user
refused "-nic: $user" -accel qtest -nic user,id=n
refused "-netdev: $user" -accel qtest -nic none -netdev user,id=n
refused "-nic: Parameter 'queus' is unexpected; did you mean 'queues'?" -accel qtest -nic tap,queus=2
refused "-trace: cannot open log file '/nonexistent/log': No such file or directory" -trace 'kvm_*,file=/nonexistent/log'
refused "-name: parameter 'debug-threads' expects 'on' or 'off'" -name x,debug-threads=maybe
refused "-rtc: base cannot be 'moon': utc, localtime or a date from 1980 to 2099 such as 2006-06-17T16:01:21 is expected" -rtc base=moon
refused "-rtc: clock cannot be 'sun': host or vm is expected" -rtc clock=sun
refused "-trace: no trace event matches 'vhots_*'; see -trace help" -trace 'vhots_*'
refused "-d: unknown log item 'cpu'; see -d help" -d cpu
refused "-D: cannot open log file '/nonexistent/log': No such file or directory" -D /nonexistent/log
refused "-pidfile: cannot create '/nonexistent/pid': No such file or directory" -accel qtest -pidfile /nonexistent/pid

# --- firmware ---
refused '-bios cannot be used with -kernel: the kernel is entered directly, without firmware; leave one of them out' \
    -kernel x -bios x
refused "cannot open firmware '/nonexistent/bios': No such file or directory" -accel qtest -bios /nonexistent/bios
refused "cannot open firmware 'no-such.bin': No such file or directory" -accel qtest -bios no-such.bin -L "$work"
refused "firmware '$work' is not a regular file; give a file" -accel qtest -bios "$work"
mkdir "$work/a" "$work/b"
echo > "$work/b/fw.bin"
refused "firmware '$work/b/fw.bin' has 1 bytes: a multiple of 64 KiB up to 8 MiB is expected; give another file" \
    -accel qtest -L "$work/a" -L "$work/b" -bios fw.bin
: > "$work/a/fw.bin"
refused "firmware '$work/a/fw.bin' has 0 bytes: a multiple of 64 KiB up to 8 MiB is expected; give another file" \
    -accel qtest -L "$work/a" -L "$work/b" -bios fw.bin
head -c 65536 /dev/zero > "$work/b/fw.bin"
runs -bios "$work/b/fw.bin"
runs -L "$work/b" -bios fw.bin -m 16 -nodefaults
prints '^/usr/share/seabios$' -L help
prints "^$work/b\$" -L "$work/b" -L help
refused '-initrd is only allowed with -kernel' -initrd x
refused '-append is only allowed with -kernel' -append x
refused '-nographic cannot be used with -daemonize' -accel qtest -nographic -daemonize

# --- qtest ---
refused '-qtest needs -accel qtest: a test cannot drive the devices while vCPUs do' -qtest stdio -kernel x
refused '-qtest: requires an argument' -accel qtest -qtest
refused "-qtest: 'unixx' is not a valid character device; did you mean 'unix:'?" \
    -accel qtest -qtest unixx
refused "-qtest: no chardev 'b'" -accel qtest -qtest chardev:b
refused "-qtest: chardev 'qtest': fd cannot be 'x': the number of an inherited file descriptor is expected" -accel qtest -qtest fd:x
refused "-qtest: chardev 'qtest': fd: descriptor 99 is not open: Bad file descriptor" -accel qtest -qtest fd:99
refused "-qtest: Failed to connect to '$work/none': No such file or directory" -accel qtest -qtest "unix:$work/none"
refused "-qtest: chardev 'c' is in use" -accel qtest -chardev null,id=c -qtest chardev:c -serial chardev:c
refused "-qtest-log: cannot open '/nonexistent/log': No such file or directory" \
    -accel qtest -qtest null -qtest-log /nonexistent/log

# --- devices ---
dev() { # MESSAGE ARGUMENT
    refused "-device: $1" -accel qtest -device "$2"
}
wwpn=naa.5001405aaaaaaaaa
refused "-device: 'vhost-scsi-pcj' is not a valid device model name; did you mean 'vhost-scsi-pci'?" \
    -accel qtest -device vhost-scsi-pcj
refused "-device: 'x1000' is not a valid device model name; see -device help" -accel qtest -device x1000
refused "-device: Parameter 'driver' expects a pluggable device type: 'mch' is part of the machine" \
    -accel qtest -device mch
refused "-device x: Parameter 'driver' is missing" -accel qtest -device '{"id":"x"}'
dev 'vhost-scsi-pci: property '"'wwpn' is required: give wwpn=... (name of the LIO vhost target, naa.<16 hex digits>)" \
    vhost-scsi-pci
for bad in naa.123 naa.5001405aaaaaaaag naa.5001405aaaaaaaaab 5001405aaaaaaaaa fc. iqn. naa.5001405/aaaaaaaa; do
    dev "vhost-scsi: property 'wwpn' cannot be '$bad': naa. and 16 hex digits are expected, or an fc. or iqn. name of LIO" \
        vhost-scsi-pci,wwpn=$bad
done
dev "Property 'vhost-scsi-pci.wwnp' not found; did you mean 'wwpn'?" vhost-scsi-pci,wwnp=x
dev "Property 'vhost-scsi-pci.iothread' not found" vhost-scsi-pci,wwpn=$wwpn,iothread=x
dev "vhost-scsi-pci: property 'num_queues' cannot be '0': a number from 1 to 1024 or 'auto' is expected" \
    vhost-scsi-pci,wwpn=$wwpn,num_queues=0
dev "vhost-scsi-pci: property 'num_queues' cannot be '1025': a number from 1 to 1024 or 'auto' is expected" \
    vhost-scsi-pci,wwpn=$wwpn,num_queues=1025
for bad in 2 3 100 2048; do
    dev "vhost-scsi: property 'virtqueue_size' cannot be '$bad': a power of two from 4 to 1024 is expected" \
        vhost-scsi-pci,wwpn=$wwpn,virtqueue_size=$bad
done
dev "vhost-scsi-pci: property 'worker_per_virtqueue' cannot be 'perhaps': 'on' or 'off' is expected" \
    vhost-scsi-pci,wwpn=$wwpn,worker_per_virtqueue=perhaps
dev "vhost-scsi-pci: property 'addr' cannot be '20': SLOT[.FUNCTION] in hex, at most 1f.7, is expected" \
    vhost-scsi-pci,wwpn=$wwpn,addr=20
dev "vhost-scsi-pci: property 'id' cannot be null" '{"driver":"vhost-scsi-pci","id":null}'
dev "Bus 'pci.7' not found" vhost-scsi-pci,wwpn=$wwpn,bus=pci.7
dev "vhost-scsi: property 'vhostfd' cannot be '1x': the number of an inherited file descriptor is expected" \
    vhost-scsi-pci,wwpn=$wwpn,vhostfd=1x
dev "vhost-scsi: property 'vhostfd': no file descriptor is called 'x': pass one with getfd, or give the number of an inherited one" \
    vhost-scsi-pci,wwpn=$wwpn,vhostfd=x
dev "vhost-scsi: property 'vhostfd': descriptor 99 is not open: Bad file descriptor" \
    vhost-scsi-pci,wwpn=$wwpn,vhostfd=99
exec 7< /dev/null
refused "-qtest: chardev 'qtest': file descriptor 7 is not a stream socket" -accel qtest -qtest fd:7
dev "vhost-scsi: the descriptor of property 'vhostfd' is not a vhost-scsi device: Inappropriate ioctl for device" \
    vhost-scsi-pci,wwpn=$wwpn,vhostfd=7
dev "vhost-scsi: property 'vhostfd': descriptor 0 is standard input, output or error: pass another one" \
    vhost-scsi-pci,wwpn=$wwpn,vhostfd=0
# The same device in JSON, the same refusal.
dev "Property 'vhost-scsi-pci.wwnp' not found; did you mean 'wwpn'?" \
    '{"driver":"vhost-scsi-pci","wwnp":"x"}'
dev "vhost-scsi: the descriptor of property 'vhostfd' is not a vhost-scsi device: Inappropriate ioctl for device" \
    '{"driver":"vhost-scsi-pci","wwpn":"'$wwpn'","vhostfd":"7","num_queues":4,"worker_per_virtqueue":true}'
if [ ! -e /dev/vhost-scsi ]; then
    dev 'vhost-scsi: cannot open /dev/vhost-scsi, load the kernel module (modprobe vhost_scsi): No such file or directory' \
        vhost-scsi-pci,wwpn=$wwpn
fi

# --- character devices ---
refused "-chardev: parameter 'id' is required" -accel qtest -chardev null
refused "-chardev: Duplicate ID 'a'" -accel qtest -chardev null,id=a -chardev null,id=a
refused "-serial: no chardev 'b'" -accel qtest -serial chardev:b

# --- what there is none of ---
runs -audio none -vnc none -watchdog-action inject-nmi -echr 1 -echr 0x1
runs -audio driver=none
refused "-audio: 'alsa' is not supported: there is no sound, leave it out (virt-install: --sound none)" -audio alsa
refused "-echr: '2' is not supported: the escape character is Ctrl-A, give 1 or leave it out" -echr 2
refused "-watchdog-action: 'bark' is no action" -watchdog-action bark
refused "-watchdog-action: 'none,reboot=shutdown' is no action" -watchdog-action none,reboot=shutdown
refused '-preconfig: there is no state before the machine is built: leave it out, -S waits before the start' -preconfig

# --- files of options ---
config() { # TEXT: into $work/config
    printf '%b' "$1" > "$work/config"
}
config '# all there is\n[machine]\n  type = "q35" # same\n\n[memory]\n\tsize="64"\r\n[smp-opts]\n cpus = "2"\n[name]\nguest = "a,b=c"\n[device "port"]\n driver = "pcie-root-port"\n chassis = "1"\n[chardev "c"]\nbackend="null"\n[mon]\nchardev="c"'
runs -readconfig "$work/config"
config '[device "x"]\n driver = "x1000"\n'
refused "-device x: 'x1000' is not a valid device model name; see -device help" -accel qtest -readconfig "$work/config"
config '[memory]\nsize = "lots"\n'
refused "-m: invalid size 'lots': a number with an optional suffix M, G or T is expected" -readconfig "$work/config"
config 'a = "b"\n'
refused "-readconfig: $work/config:1: no group defined" -readconfig "$work/config"
config '\n[drive "d"]\n'
refused "-readconfig: $work/config:2: There is no option group 'drive'" -readconfig "$work/config"
for line in '[machine' '[machine "x]' '[machine] x' '[machine "x" y]'; do
    config "$line\n"
    refused "-readconfig: $work/config:1: [GROUP] or [GROUP \"ID\"] is expected" -readconfig "$work/config"
done
for line in 'type' 'type = q35' 'type = "q35' 'type = "q35" x' '= "q35"' 'type "q35"'; do
    config "[machine]\n$line\n"
    refused "-readconfig: $work/config:2: KEY = \"VALUE\" is expected" -readconfig "$work/config"
done
# A group without a key says nothing; QEMU's own files have such.
config '[machine]\n[memory]\n[smp-opts]\n[rtc]\n[msg]\n[overcommit]\n[action]\n[boot-opts]\n[name]\n[accel]\n'
runs -readconfig "$work/config"
config '[device]\n'
refused "-device: '' is not a valid device model name; see -device help" -accel qtest -readconfig "$work/config"
config '[machine]\0'
refused "-readconfig: '$work/config' is no file of options" -readconfig "$work/config"
refused "-readconfig: cannot open '/nonexistent': No such file or directory" -readconfig /nonexistent
refused "-readconfig: cannot read '/tmp': Is a directory" -readconfig /tmp
# No more is read than such a file can have.
refused "-readconfig: '/dev/zero' is no file of options" -readconfig /dev/zero
config '[memory]\nsize = "64"\n'
runs -readconfig <(cat "$work/config")

# --- what runs ---
runs
runs -machine q35,usb=off -smp 2,sockets=2 -m 64M -nodefaults
runs -M pc-q35-7.2 -m size=1.5G -cpu max -S -no-reboot -no-shutdown
runs -name guest=x,debug-threads=on -uuid 01234567-89ab-cdef-0123-456789abcdef -rtc base=utc,clock=vm
runs -chardev "file,id=c,path=$work/log" -serial chardev:c -monitor none -vga none -net none
runs -serial "unix:$work/sock,server=on,wait=off" -serial null -no-user-config
runs -device isa-serial,index=1 -smp 255
runs -qtest "unix:$work/qtest,server=on,wait=off"
runs -qtest stdio -qtest-log none
runs -qtest none

# --- pidfile and daemon ---
out=$(timeout 20 "$vmm" -accel qtest -display none "${seen[@]}" -daemonize -pidfile "$work/pid" 2>&1 < /dev/null | cat)
pid=$(cat "$work/pid" 2>/dev/null)
# The pipe above ends only when the daemon has let go of its stdout.
[ -z "$out" ] && [ -n "$pid" ] && [ "$(readlink "/proc/$pid/fd/2")" = /dev/null ]
result $? 'daemonize: detached from stdio, pidfile written' "$out"
refused "-pidfile: '$work/pid' belongs to a running process" -accel qtest -display none -pidfile "$work/pid"
[ -n "$pid" ] && kill -TERM "$pid"
for _ in $(seq 100); do
    [ -e "$work/pid" ] || break
    sleep 0.05
done
[ ! -e "$work/pid" ]
result $? 'daemonize: SIGTERM ends it and removes the pidfile' ''
refused "-device: 'x1000' is not a valid device model name; see -device help" \
    -accel qtest -daemonize -device x1000

finish
