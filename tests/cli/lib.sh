# SPDX-License-Identifier: GPL-2.0-or-later
# For tests of the command line: results in TAP, and what a line may lead to.
# Sourced by a script that has set $vmm; it ends with "finish".

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
n=0 failed=0
# Lets another process of the user, who is not root, look at descriptors and memory.
seen=()
[ "$(id -u)" = 0 ] || seen=(-machine dump-guest-core=on)
me=qemu-system-x86_64

result() { # OK NAME [DETAIL]
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        echo "ok $n - $2"
    else
        echo "not ok $n - $2"
        failed=1
        printf '%s\n' "$3" | sed 's/^/# /'
    fi
}

# refused MESSAGE ARGUMENT...: status 1, nothing on stdout, one line on stderr.
refused() {
    local message="$me: $1" status out
    shift

    out=$(timeout 20 "$vmm" "$@" 2>&1 < /dev/null)
    status=$?
    [ "$status" = 1 ] && [ "$out" = "$message" ]
    result $? "refused: $*" "status $status: $out"$'\n'"expected: $message"
}

# prints PATTERN ARGUMENT...: status 0, PATTERN on stdout, nothing on stderr.
prints() {
    local pattern=$1 status out
    shift

    out=$(timeout 20 "$vmm" "$@" 2> "$work/err" < /dev/null)
    status=$?
    [ "$status" = 0 ] && grep -qE -- "$pattern" <<< "$out" && [ ! -s "$work/err" ]
    result $? "prints $pattern: $*" "status $status: $out $(cat "$work/err")"
}

# runs ARGUMENT...: starts without a message and ends with 0 at SIGTERM.
runs() {
    local pid status=0

    "$vmm" -accel qtest -display none "$@" > "$work/out" 2>&1 < /dev/null &
    pid=$!
    for _ in $(seq 100); do
        # From its start it blocks SIGTERM, signal 15, and reads it when it runs.
        # In this order: before it executes the program the shell blocks signals too.
        if [ "$(cat "/proc/$pid/comm" 2>/dev/null)" = "${me:0:15}" ]; then
            blocked=$(sed -n 's/^SigBlk:[[:space:]]*//p' "/proc/$pid/status" 2>/dev/null)
            [ $((0x${blocked:-0} >> 14 & 1)) = 1 ] && break
        fi
        sleep 0.05
    done
    kill -TERM "$pid" 2>/dev/null
    wait "$pid" || status=$?
    [ "$status" = 0 ] && [ ! -s "$work/out" ]
    result $? "runs: $*" "status $status: $(cat "$work/out")"
}

finish() {
    echo "1..$n"
    exit $failed
}
