# SPDX-License-Identifier: GPL-2.0-or-later
# A monitor for scenarios: a terminal, since that is all a shell can talk to. Sourced after lib.sh. The VMM gets
# $QMP_OPTIONS; what the monitor says is in $RUN/NAME.qmp.

QMP_OPTIONS="-chardev pty,id=qmp -mon chardev=qmp,mode=control"

qmp_pts() {
    sed -n 's/^.*redirected to \([^ ]*\) (label qmp).*/\1/p' "$RUN/$1.err"
}

qmp_has_pts() {
    [ -c "$(qmp_pts "$1")" ]
}

# Before the VMM is started.
qmp_prepare() {
    mkdir -p /dev/pts
    [ -e /dev/pts/ptmx ] || mount -t devpts -o ptmxmode=666 devpts /dev/pts
    chmod 666 /dev/pts/ptmx
    [ -L /dev/ptmx ] || ln -sf pts/ptmx /dev/ptmx
}

# qmp_open NAME: one at a time.
qmp_open() {
    QMP=$RUN/$1.qmp
    wait_for 60 qmp_has_pts "$1" || return
    exec 4<> "$(qmp_pts "$1")"
    stty raw -echo <&4
    cat <&4 > "$QMP" &
    echo $! >> "$RUN/pids"
    qmp qmp_capabilities
}

qmp_answers() {
    grep -Ec '"(return|error)"' "$QMP"
}

qmp_has_answers() {
    [ "$(qmp_answers)" -ge "$1" ]
}

# qmp COMMAND [ARGUMENTS]: waits for the answer; true unless it is an error. $QMP_ANSWER is its line.
qmp() {
    local before

    before=$(qmp_answers)
    echo "{\"execute\":\"$1\",\"arguments\":{$2}}" >&4
    wait_for 60 qmp_has_answers $((before + 1)) || return
    QMP_ANSWER=$(grep -E '"(return|error)"' "$QMP" | tail -n 1 | tr -d '\r')
    case $QMP_ANSWER in
    *'"error"'*)
        note "$1 $2: $QMP_ANSWER"
        return 1
        ;;
    esac
}
