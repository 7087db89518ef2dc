#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# What the lab makes of an L1 that hangs, crashes or fails, with a stand-in for the emulator. TAP on stdout.
# usage: lab-hang.sh LIB_DIR
set -u
. "$1/common.sh"
. "$1/l1.sh"

L1_BOOT_SECONDS=3 L1_SILENT_SECONDS=3

# No image is needed.
l1_prepare() {
    mkdir -p "$1"
    echo "${*:3}" >> "$WORK/asked"
}

# Does what its boot's line of $WORK/plan says: up, pass:SCENARIO, fail:SCENARIO, hang; then it is off.
qemu-system-x86_64() {
    local dir=$WORK/l1-m word boot

    boot=$(wc -l < "$WORK/asked")
    : > "$dir/details.log"
    : > "$dir/console.log"
    for word in $(sed -n "${boot}p" "$WORK/plan"); do
        case $word in
        up) echo "LAB-BOOT" >> "$dir/console.log" ;;
        hang) exec sleep 60 ;;
        *) echo "LAB-RESULT ${word#*:} ${word%:*} 1" >> "$dir/console.log" ;;
        esac
    done
}

# is WHAT GOT EXPECTED
is() {
    count=$((count + 1))
    if [ "$2" = "$3" ]; then
        echo "ok $count - $1"
    else
        echo "not ok $count - $1"
        printf '# got: %s\n# expected: %s\n' "$2" "$3"
    fi
}

# run TEXT VERDICT ASKED BOOT...: with io and kill to run, boots that do as the words say. ASKED: what each was for.
run() {
    local text=$1 verdict=$2 asked=$3
    shift 3

    WORK=$(mktemp -d) || exit 1
    printf '%s\n' "$@" > "$WORK/plan"
    l1_run m 6.12 io kill > /dev/null 2>&1
    is "$text: boots" "$(paste -s -d / "$WORK/asked")" "$asked"
    is "$text: verdict" "$(judge_all io kill 2>&1 | tail -n 1)" "lab: $verdict"
    rm -rf "$WORK"
}

count=0
run "all is well" "2 passed, 0 failed, 0 skipped" "io kill" "up pass:io pass:kill"
run "falls silent at the second scenario" "2 passed, 0 failed, 0 skipped" "io kill/kill" "up pass:io hang" "up pass:kill"
run "does not come up at first" "2 passed, 0 failed, 0 skipped" "io kill/io kill" "hang" "up pass:io pass:kill"
run "crashes before it is up" "2 passed, 0 failed, 0 skipped" "io kill/io kill" "" "up pass:io pass:kill"
run "never comes up" "0 passed, 2 failed, 0 skipped" "io kill/io kill/io kill" hang hang hang hang
run "crashes at the second scenario" "1 passed, 1 failed, 0 skipped" "io kill" "up pass:io" "up pass:kill"
run "a scenario fails, then it falls silent" "1 passed, 1 failed, 0 skipped" "io kill/kill" "up fail:io hang" "up pass:kill"
run "falls silent after the last result" "2 passed, 0 failed, 0 skipped" "io kill" "up pass:io pass:kill hang"
echo "1..$count"
