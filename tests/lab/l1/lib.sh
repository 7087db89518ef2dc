# SPDX-License-Identifier: GPL-2.0-or-later
# What scenarios are written with, inside L1: a LIO target, a VMM, the guest's console, checks. For busybox ash.
#
# Several VMMs may run side by side, each under a name ("vm", "second"); its files are in $RUN/NAME.*:
#   .log   the guest's console        .err  the VMM's standard error     .in   fifo to the guest's console
#   .pid   process id                 .rc   exit status, once it ended   .trace  the VMM's trace log

# The demo runs the same on a real host, with a directory of its own and a target that is there.
LAB_HOME=${LAB_HOME:-/lab}
. "$LAB_HOME/config"

RUN=${LAB_RUN:-/run/lab}
GUEST_KERNEL=${LAB_GUEST_KERNEL:-/guest/vmlinuz}
GUEST_INITRD=${LAB_GUEST_INITRD:-/guest/initrd}
WWPN=${LAB_WWPN:-naa.5001405000000001}
DISK=/target/disk0
DISK_BYTES=$((64 * 1024 * 1024))
TARGET=/sys/kernel/config/target

GUEST_MEMORY=256 # MiB
EXTRA_APPEND= # further words of the guest's kernel command line
EARLY_DEVICES= # options before the adapter's -device, such as the root port that it plugs into
NO_TRACE=     # set: our VMM runs without its trace
LABRUN=       # options of labrun for the VMM that is started next

# Options of kernel modules, by file name; max_io_vqs is small so that a test can go beyond it cheaply.
module_options() {
    case $1 in
    vhost_scsi.ko) echo "$LAB_VHOST_SCSI_OPTIONS" ;;
    esac
}

# Time limits are for a machine that boots L1 in a few seconds; a slower one gets as much more.
SLOWNESS=$(cat /run/slowness 2>/dev/null || echo 1)

# For an L1 with two processors.
one_processor() {
    [ "${LAB_CPUS:-1}" = 1 ] || echo 0 > /sys/devices/system/cpu/cpu1/online
}

all_processors() {
    [ "${LAB_CPUS:-1}" = 1 ] || echo 1 > /sys/devices/system/cpu/cpu1/online
}

### checks

# check TEXT COMMAND...: one expectation. The scenario goes on after a failure, and fails at its end.
check() {
    local text=$1
    shift
    if "$@"; then
        echo "LAB-OK $SCENARIO: $text"
    else
        echo "LAB-FAIL $SCENARIO: $text"
        echo "$text" >> "$RUN/failed"
    fi
}

equal() {
    [ "$1" = "$2" ] && return
    echo "LAB-NOTE $SCENARIO: got '$1', expected '$2'"
    return 1
}

# wait_for SECONDS COMMAND...
wait_for() {
    local tries=$(($1 * 5 * SLOWNESS))
    shift
    while ! "$@"; do
        [ "$tries" -gt 0 ] || return 1
        tries=$((tries - 1))
        usleep 200000
    done
}

# settled COMMAND...: what it prints, once it has printed the same twice with a second between. A VMM may use
# helper threads while it starts.
settled() {
    local last now

    last=$("$@")
    while sleep 1; now=$("$@"); [ "$now" != "$last" ]; do
        last=$now
    done
    echo "$now"
}

note() {
    echo "LAB-NOTE $SCENARIO: $*"
}

### LIO target

# target_backstore NUMBER: disk NUMBER, a file; it stays for the scenarios that follow.
target_backstore() {
    local core=$TARGET/core/fileio_0/disk$1 file=${DISK%0}$1

    [ -d "$core" ] && return
    truncate -s "$DISK_BYTES" "$file"
    mkdir -p "$core"
    echo "fd_dev_name=$file,fd_dev_size=$DISK_BYTES" > "$core/control"
    echo 1 > "$core/enable"
    echo 0 > "$core/attrib/emulate_pr"
}

# target_wwpn NUMBER: of the lab's further targets, from 1 on.
target_wwpn() {
    printf 'naa.5001405000001%03d\n' "$1"
}

# lun_add WWPN LUN NUMBER: disk NUMBER becomes LUN of the target.
lun_add() {
    local lun=$TARGET/vhost/$1/tpgt_1/lun/lun_$2

    target_backstore "$3"
    mkdir -p "$lun"
    ln -s "$TARGET/core/fileio_0/disk$3" "$lun/disk"
}

# lun_remove WWPN LUN
lun_remove() {
    local lun=$TARGET/vhost/$1/tpgt_1/lun/lun_$2

    rm -f "$lun/disk"
    rmdir "$lun"
}

# target_make [no-nexus]: the target $WWPN with disk 0, and no other.
target_make() {
    target_remove # what a person or a broken scenario left
    target_one "$WWPN" 0 "$1"
}

# target_add NUMBER: a further target, whose LUN 0 is disk NUMBER.
target_add() {
    target_one "$(target_wwpn "$1")" "$1"
}

target_one() {
    local tpg=$TARGET/vhost/$1/tpgt_1

    mkdir -p "$tpg"
    [ "$3" = no-nexus ] || echo naa.5001405000000002 > "$tpg/nexus"
    lun_add "$1" 0 "$2"
}

target_remove() {
    local tpg lun

    for tpg in "$TARGET/vhost/$WWPN"/tpgt_* "$TARGET"/vhost/naa.5001405000001*/tpgt_*; do
        [ -d "$tpg" ] || continue
        rm -f "$tpg"/lun/lun_*/disk # first: the nexus stays while a LUN is linked
        echo NULL > "$tpg/nexus" 2>/dev/null
        for lun in "$tpg"/lun/lun_*; do
            rmdir "$lun"
        done
        rmdir "$tpg"
        rmdir "${tpg%/tpgt_*}" 2>/dev/null # not while another group is there
    done
    [ ! -d "$TARGET/vhost" ] || rmdir "$TARGET/vhost"
}

# host_sum MIB [NUMBER]
host_sum() {
    head -c "$(($1 * 1048576))" "${DISK%0}${2:-0}" | sha256sum | cut -d' ' -f1
}

### VMM

# The program and the options that differ between VMMs: $LAB_KIND is ours or qemu.
vmm_program() {
    case $LAB_KIND in
    qemu) echo /usr/bin/qemu-system-x86_64 ;;
    *) echo "${LAB_PROGRAM:-/vmm/qemu-system-x86_64}" ;;
    esac
}

is_ours() {
    [ "$LAB_KIND" != qemu ]
}

# What every VMM gets: vmm_base CPUS VERBS, as words on standard output.
vmm_base() {
    echo "-machine ${MACHINE:-q35} -accel kvm -cpu max -smp $1 -m $GUEST_MEMORY -nodefaults -no-user-config -display none" \
        "-serial stdio -kernel $GUEST_KERNEL -initrd $GUEST_INITRD"
}

guest_append() {
    echo "console=ttyS0 quiet panic=-1 $LAB_KERNEL_WORDS lab.run=$1 $EXTRA_APPEND"
}

# vhost_scsi QUEUES [MORE]: the -device argument, with a worker per queue where the VMM knows the property.
vhost_scsi() {
    local more=${2:+,$2}

    is_ours || more=$(echo "$more" | sed 's/,worker_per_virtqueue=[a-z]*//')
    echo "vhost-scsi-pci,wwpn=$WWPN,num_queues=$1$more"
}

# vmm_spawn NAME WORDS...: runs any command line as VMM NAME; $LABRUN may hold options for labrun.
vmm_spawn() {
    local name=$1 base=$RUN/$1
    shift

    set +f
    rm -f "$base".*
    mkfifo "$base.in"
    : > "$base.log"
    : > "$base.err"
    echo "$*" > "$base.cmd"
    (
        # Open for reading and writing, or the VMM would block here and see end of file later.
        exec 3<> "$base.in"
        # shellcheck disable=SC2086 # options are words
        labrun $LABRUN -- "$@" <&3 3>&- > "$base.log" 2> "$base.err" &
        echo $! > "$base.pid"
        wait $!
        echo $? > "$base.rc"
    ) &
    wait_for 30 test -s "$base.pid"
    cat "$base.pid" >> "$RUN/pids"
}

# vmm_start NAME CPUS QUEUES DEVICE_OPTIONS VERBS [WORDS...]
vmm_start() {
    local name=$1 cpus=$2 queues=$3 device=$4 verbs=$5 trace=
    shift 5

    [ -n "$NO_TRACE" ] || ! is_ours || trace="-trace virtio_pci_notify_slow -trace vhost_* -D $RUN/$name.trace"
    set -f # no file names out of -trace vhost_*; vmm_spawn undoes it
    # shellcheck disable=SC2046,SC2086 # options are words
    vmm_spawn "$name" "$(vmm_program)" $(vmm_base "$cpus") -append "$(guest_append "$verbs")" \
        $EARLY_DEVICES -device "$(vhost_scsi "$queues" "$device")" $trace "$@"
}

vmm_pid() {
    cat "$RUN/$1.pid"
}

vmm_alive() {
    [ ! -s "$RUN/$1.rc" ]
}

vmm_gone() {
    [ -s "$RUN/$1.rc" ]
}

# vmm_ends NAME SECONDS STATUS
vmm_ends() {
    wait_for "$2" vmm_gone "$1" && equal "$(cat "$RUN/$1.rc")" "$3"
}

vmm_kill() {
    vmm_gone "$1" || kill -9 "$(vmm_pid "$1")"
    wait_for 30 vmm_gone "$1"
}

# The threads of a VMM that are vhost workers: "TID NAME" lines.
vmm_workers() {
    for task in /proc/"$(vmm_pid "$1")"/task/*; do
        case $(cat "$task/comm" 2>/dev/null) in
        vhost-*) echo "${task##*/} $(cat "$task/comm")" ;;
        esac
    done
}

# The effective capabilities of a VMM's own threads, each set once; vhost's run code of the kernel alone.
vmm_capabilities() {
    for task in /proc/"$(vmm_pid "$1")"/task/*; do
        case $(cat "$task/comm" 2>/dev/null) in
        vhost-*) ;;
        *) sed -n 's/^CapEff:[[:space:]]*//p' "$task/status" ;;
        esac
    done | sort -u
}

# vmm_status NAME KEY: a line of /proc/PID/status.
vmm_status() {
    sed -n "s/^$2:[[:space:]]*//p" "/proc/$(vmm_pid "$1")/status" | tr '\t' ' ' | sed 's/ *$//'
}

vmm_worker_count() {
    vmm_workers "$1" | wc -l
}

vmm_threads() {
    ls "/proc/$(vmm_pid "$1")/task" | wc -l
}

vmm_fds() {
    ls "/proc/$(vmm_pid "$1")/fd" | wc -l
}

# What must be the same after anything that comes and goes.
vmm_held() {
    echo "$(vmm_threads "$1") threads, $(vmm_fds "$1") descriptors, $(vmm_worker_count "$1") workers"
}

# Resident memory in KiB without the guest's RAM, which is the mapping of its size (some VMMs split it).
vmm_memory() {
    awk '/^[0-9a-f]+-[0-9a-f]+ / { size = 0 }
         /^Size:/ { size = $2 }
         /^Rss:/ && size < 65536 { sum += $2 }
         END { print sum }' "/proc/$(vmm_pid "$1")/smaps"
}

# Kernel threads of the legacy kind, for all VMMs: processes of their own.
kernel_workers() {
    cat /proc/[0-9]*/comm 2>/dev/null | grep -c '^vhost-[0-9]'
}

no_worker_anywhere() {
    ! cat /proc/[0-9]*/task/[0-9]*/comm 2>/dev/null | grep -q '^vhost-[0-9]'
}

# QEMU warns that L1 has one processor only, and a terminal has a name; that is no news here.
messages() {
    grep -v -e 'recommended cpus supported by KVM' -e '^char device redirected to' "$RUN/$1.err"
}

no_messages() {
    equal "$(messages "$1" | wc -l)" 0
}

# The slow notify path: a kick that left the kernel. The trace option itself must have been taken.
no_slow_notify() {
    is_ours || return 0
    [ -e "$RUN/$1.trace" ] || return 1
    equal "$(grep -c virtio_pci_notify_slow "$RUN/$1.trace")" 0
}

### monitor

# Words for vmm_start. The monitor is a terminal, since that is all that a shell can talk to.
QMP_OPTIONS="-chardev pty,id=qmp -mon chardev=qmp,mode=control"

qmp_terminal() {
    sed -n 's/^.*redirected to \([^ ]*\) (label qmp).*/\1/p' "$RUN/$1.err"
}

qmp_has_terminal() {
    [ -c "$(qmp_terminal "$1")" ]
}

# qmp_open NAME: whom qmp talks to from now on. What the monitor says is in $RUN/NAME.qmp.
qmp_open() {
    QMP=$1 QMP_NUMBER=0
    wait_for 60 qmp_has_terminal "$1" || return
    exec 4<> "$(qmp_terminal "$1")"
    stty raw -echo <&4
    cat <&4 > "$RUN/$1.qmp" 2> /dev/null &
    echo $! >> "$RUN/pids"
    qmp_do qmp_capabilities
}

# qmp COMMAND [ARGUMENTS]: without waiting.
qmp() {
    QMP_NUMBER=$((QMP_NUMBER + 1))
    echo "{\"execute\":\"$1\",\"arguments\":{$2},\"id\":\"lab-$QMP_NUMBER\"}" >&4
}

# qmp_do COMMAND [ARGUMENTS]: true if the answer, then in QMP_ANSWER, is no error.
qmp_do() {
    local answer

    qmp "$@"
    answer="\"id\": *\"lab-$QMP_NUMBER\""
    QMP_ANSWER=
    qmp_wait 30 1 "$answer" || return 1
    QMP_ANSWER=$(grep "$answer" "$RUN/$QMP.qmp")
    case $QMP_ANSWER in
    *'"error":'*) return 1 ;;
    esac
}

# qmp_refuses WORDS COMMAND [ARGUMENTS]: true if the answer is an error with these words.
qmp_refuses() {
    local words=$1
    shift

    ! qmp_do "$@" || return 1
    case $QMP_ANSWER in
    *"$words"*) return 0 ;;
    esac
    note "answered: $QMP_ANSWER"
    return 1
}

# qmp_wait SECONDS COUNT PATTERN: until the monitor has said it COUNT times in all.
qmp_wait() {
    labwait "$RUN/$QMP.qmp" "$(($1 * SLOWNESS))" "$2" "$3" "$RUN/$QMP.rc"
}

# qmp_count PATTERN: how often the monitor has said it.
qmp_count() {
    grep -Ec -- "$1" "$RUN/$QMP.qmp"
}

### guest

guest_says() {
    grep -Eq -- "$2" "$RUN/$1.log"
}

# guest_wait NAME SECONDS PATTERN [COUNT]: until COUNT lines of the guest match, or the VMM is gone.
guest_wait() {
    labwait "$RUN/$1.log" "$(($2 * SLOWNESS))" "${4:-1}" "$3" "$RUN/$1.rc"
}

# guest_count NAME PATTERN
guest_count() {
    grep -Ec -- "$2" "$RUN/$1.log"
}

# The last value of a GUEST line: guest_value NAME LINE KEY
guest_value() {
    grep "^$2 " "$RUN/$1.log" | tail -n 1 | tr -d '\r' | sed "s/.*$3=\([^ ]*\).*/\1/"
}

guest_sum() {
    grep '^GUEST-SUM' "$RUN/$1.log" | tail -n 1 | tr -d '\r' | cut -d' ' -f2
}

# guest_send NAME VERB ARGUMENT: without waiting.
guest_send() {
    GUEST_NUMBER=$((${GUEST_NUMBER:-0} + 1))
    echo "$GUEST_NUMBER $2 $3" > "$RUN/$1.in"
}

# guest_do NAME SECONDS VERB ARGUMENT: true if the guest's command succeeded.
guest_do() {
    guest_send "$1" "$3" "$4"
    guest_wait "$1" "$2" "^GUEST-DONE $GUEST_NUMBER rc=0"
}
