#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What a process may lack when it starts, and what it leaves behind: standard
# streams, descriptors, the pidfile, the working directory.
# usage: start.sh BINARY
vmm=$(realpath "$1")
. "$(dirname "$0")/lib.sh"

quiet=(-accel qtest -display none -nodefaults "${seen[@]}")

# wait_until COMMAND...: until it succeeds, for at most 20 s.
wait_until() {
    for _ in $(seq 400); do
        "$@" && return 0
        sleep 0.05
    done
    return 1
}

is_gone() { ! kill -0 "$1" 2>/dev/null; }
has_text() { [ -s "$1" ]; }

# end_daemon PIDFILE: ends it; the pidfile is gone then.
end_daemon() {
    local pid
    pid=$(cat "$1")
    kill -TERM "$pid"
    wait_until is_gone "$pid" && [ ! -e "$1" ]
}

# --- standard streams ---

# What file is each stream's, and each other's number above them.
streams() {
    for fd in 0 1 2; do readlink "/proc/$1/fd/$fd"; done | sort -u
}

start_closed() { # REDIRECTIONS
    eval 'timeout 20 "$vmm" "${quiet[@]}" -daemonize -pidfile "$work/closed" '"$1"
}
for closed in '0<&-' '1>&-' '2>&-' '1>&- 2>&-' '0<&- 1>&- 2>&-'; do
    start_closed "$closed"
    status=$?
    pid=$(cat "$work/closed" 2>/dev/null)
    [ $status = 0 ] && [ -n "$pid" ] && ! is_gone "$pid" &&
        [ "$(streams "$pid")" = /dev/null ] && end_daemon "$work/closed"
    result $? "daemon, $closed" "status $status, pid '$pid'"
done
# A message goes nowhere, and not into the first file that was opened.
timeout 20 "$vmm" "${quiet[@]}" -chardev file,id=f,path="$work/file" -pidfile "$work/pid" -device e1000 1>&- 2>&-
status=$?
[ $status = 1 ] && [ ! -s "$work/file" ] && [ ! -e "$work/pid" ]
result $? 'a message without stdout and stderr' "status $status: $(cat "$work/file")"

# --- descriptors ---

# With a limit of N open files it says what it lacks, or runs.
for limit in $(seq 3 40); do
    out=$(ulimit -n "$limit"; timeout 20 "$vmm" "${quiet[@]}" -serial null \
        -device pcie-root-port,id=p -device e1000 2>&1 < /dev/null)
    status=$?
    [ "$status" = 1 ] && [ "$(wc -l <<< "$out")" = 1 ]
    result $? "ulimit -n $limit" "status $status: $out"
done
out=$(ulimit -n 4; "$vmm" "${quiet[@]}" 2>&1 < /dev/null)
grep -q "^$me: cannot open 16 files: Too many open files: raise the limit of open files (ulimit -n)\$" <<< "$out"
result $? 'ulimit -n 4 is named' "$out"

# --- pidfile ---

out=$(ulimit -f 0; trap '' XFSZ; timeout 20 "$vmm" "${quiet[@]}" -pidfile "$work/full" 2>&1 < /dev/null)
status=$?
[ $status = 1 ] && [ ! -e "$work/full" ] &&
    [ "$out" = "$me: -pidfile: cannot write '$work/full': File too large" ]
result $? 'a pidfile that cannot be written leaves nothing' "status $status: $out"

refused "-pidfile: cannot write '/dev/null': Invalid argument" "${quiet[@]}" -pidfile /dev/null
[ -c /dev/null ]
result $? '/dev/null is still there' ''

"$vmm" "${quiet[@]}" -pidfile "$work/moved" 2> "$work/err" < /dev/null &
pid=$!
wait_until has_text "$work/moved"
rm "$work/moved"
echo precious > "$work/moved"
kill -TERM $pid
wait $pid
status=$?
[ $status = 0 ] && [ "$(cat "$work/moved")" = precious ]
result $? 'the pidfile of another stays' "status $status: $(cat "$work/err")"

# --- directory ---

mkdir "$work/dir"
(cd "$work/dir" && timeout 20 "$vmm" "${quiet[@]}" -daemonize -pidfile pid -chardev file,id=f,path=file \
    -qmp unix:qmp,server=on,wait=off)
pid=$(cat "$work/dir/pid" 2>/dev/null)
[ -n "$pid" ] && [ "$(readlink "/proc/$pid/cwd")" = / ] && [ -S "$work/dir/qmp" ] && [ -e "$work/dir/file" ]
result $? 'a daemon is in the root directory' "$(ls "$work/dir")"
end_daemon "$work/dir/pid" && [ ! -e "$work/dir/qmp" ]
result $? 'it removes what it has made by relative paths' "$(ls "$work/dir")"

# --- privileges ---

status_of() { sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"; }

"$vmm" "${quiet[@]}" -pidfile "$work/least" 2> "$work/err" < /dev/null &
pid=$!
wait_until has_text "$work/least"
[ "$(status_of "$pid" NoNewPrivs)" = 1 ]
result $? 'no_new_privs is set' "$(status_of "$pid" NoNewPrivs)"
kill -TERM $pid
wait $pid

finish
