# SPDX-License-Identifier: GPL-2.0-or-later
# Starts L1, the emulated host, and reads its markers.

# For programs that hand more to their scenario.
l1_extra_config() {
    :
}

# What scenarios need beyond what every L1 has: "# needs: libvirt".
l1_needs() {
    for name in "$@"; do
        scenario_field "$name" needs
    done | sort -u | tr '\n' ' '
}

# How many processors it has: "# cpus: 2" of the first; scenarios of one L1 agree.
l1_cpus() {
    local n

    n=$(scenario_field "${1:-none}" cpus 2>/dev/null)
    echo "${n:-1}"
}

l1_config() {
    cat <<END
LAB_KIND=${LAB_KIND:-ours}
LAB_CPUS=$(l1_cpus "$@")
LAB_SCENARIOS="$*"
LAB_NEEDS="$(l1_needs "$@")"
LAB_SHELL="${shell:-}"
LAB_KERNEL_WORDS="$LAB_KERNEL_WORDS"
LAB_VHOST_SCSI_OPTIONS="max_io_vqs=16"
END
    l1_extra_config
}

# The common part of L1's command line: l1_command IMAGE_DIR KERNEL_NAME [SCENARIO...]. One processor unless a
# scenario asks for two: with two, the emulated kernel oopses when KVM patches its code. Four-level page tables: the
# two-dimensional page walks of the guest inside get a fifth cheaper. No XSAVE: what the emulator shows of it to a guest
# inside makes Linux warn. No HPET where labpulse runs: Linux would let its clock interrupt 64 times per second. The
# emulator's TSC is the host's; Linux measures it against timers that are late, and would go by the slow ones instead,
# unless "# words: ..." of the first scenario says what else it should think.
l1_command() {
    local cpus pulse='' words
    cpus=$(l1_cpus "${@:3}")
    words=$(scenario_field "${3:-none}" words 2>/dev/null)
    [ "$cpus" != 1 ] || pulse=hpet=disable
    l1=(qemu-system-x86_64 -M q35 -accel tcg,thread=multi -cpu max,la57=off,xsave=off -smp "$cpus" -m 4096 -display none -monitor none
        -no-reboot -net none -kernel "$LAB_CACHE/$2/vmlinuz" -initrd "$1/l1.cpio"
        -append "console=ttyS0 quiet panic=-1 $LAB_KERNEL_WORDS ${words:-tsc=reliable} $pulse")
    # What is written to it goes with that L1.
    ! l1_needs "${@:3}" | grep -q disk || l1+=(-drive "file=$(disk_image),format=raw,if=virtio,snapshot=on,cache=unsafe")
}

# Removes what this run made; ends what it started.
l1_cleanup() {
    for pid in $(cat "$WORK/pids" 2>/dev/null); do
        ! grep -qa qemu-system "/proc/$pid/cmdline" 2>/dev/null || kill -9 "$pid" 2>/dev/null
    done
    [ -n "${LAB_FAILED:-}${keep:-}" ] || rm -rf "$WORK"
}

l1_prepare() {
    local dir=$1 kernel=$2
    shift 2

    mkdir -p "$dir"
    cp "$WORK/guest.cpio" "$dir/guest.cpio"
    l1_config "$@" > "$dir/config"
    l1_image "$dir" "$kernel" "$dir/config" || die "cannot build L1's image"
    rm -rf "$dir/l1-tree" "$dir/guest.cpio"
}

l1_shell() {
    shell=1
    l1_prepare "$WORK/shell" "$1"
    l1_command "$WORK/shell" "$1"
    "${l1[@]}" -serial stdio -serial "file:$WORK/details.log"
}

# l1_run_all MACHINE...: machines are KERNEL:LANE; several at once, each L1 has one processor.
l1_run_all() {
    # One more than processors: scenarios wait for half of their time.
    local machine kernel chosen jobs=${LAB_JOBS:-$(($(nproc) + 1))}

    for machine in "$@"; do
        kernel=${machine%:*}
        mapfile -t chosen < <(chosen_for "$machine")
        [ ${#chosen[@]} -gt 0 ] || continue
        while [ "$(jobs -rp | wc -l)" -ge "$jobs" ]; do
            wait -n
        done
        l1_run "$machine" "$kernel" "${chosen[@]}" &
    done
    wait
}

# How often L1 is booted, at most, and how long that may take (it is up after 5 to 10 s, on a busy machine
# after a minute). The emulator that runs it now and then crashes or hangs the kernel while that starts, and at times
# loses its timer for good later on, so that no log grows any more. Such an L1 is booted again for what is left to do.
L1_TRIES=3
L1_BOOT_SECONDS=150
L1_SILENT_SECONDS=120

# l1_run NAME KERNEL SCENARIO...: boots, prints progress, returns when L1 is off or its time is up. An L1 that hung
# is kept as $WORK/hung-NAME.TRY.
l1_run() {
    local machine=$1 dir=$WORK/l1-$1 kernel=$2 try left
    shift 2

    for try in $(seq $L1_TRIES); do
        mapfile -t left < <(without_result "$machine" "$@")
        say "booting kernel $kernel for: ${left[*]}"
        l1_prepare "$dir" "$kernel" "${left[@]}"
        l1_boot "$dir" "$kernel" "${left[@]}"
        if ! l1_hung "$dir" || [ "$try" = $L1_TRIES ] || [ -z "$(without_result "$machine" "${left[@]}")" ]; then
            break
        fi
        mv "$dir" "$WORK/hung-$machine.$try"
    done
}

# l1_boot DIR KERNEL SCENARIO...: runs the emulator to its end, or ends it.
l1_boot() {
    local dir=$1 kernel=$2 pid limit=60 name
    shift 2

    # L1 stretches its limits on a slow machine; this one is for an L1 that runs, but gets nowhere.
    for name in "$@"; do
        limit=$((limit + 2 * $(scenario_field "$name" limit)))
    done
    l1_command "$dir" "$kernel" "$@"
    "${l1[@]}" -serial "file:$dir/console.log" -serial "file:$dir/details.log" < /dev/null > "$dir/qemu.log" 2>&1 &
    pid=$!
    echo "$pid" >> "$WORK/pids"
    l1_follow "$dir" "$pid" "$limit"
    rm -f "$dir/l1.cpio"
}

l1_is_up() {
    grep -q '^LAB-BOOT' "$1/console.log" 2>/dev/null
}

# Whether it did not come up, or fell silent.
l1_hung() {
    ! l1_is_up "$1" || [ -e "$1/silent" ]
}

l1_said() {
    cat "$1/console.log" "$1/details.log" | wc -c
}

# l1_watch DIR PID END: ends an L1 that hangs or is late.
l1_watch() {
    local why=

    if ! l1_is_up "$1"; then
        [ "$SECONDS" -le "$boot_end" ] || why="did not come up"
    elif [ "$(l1_said "$1")" != "$heard" ]; then
        heard=$(l1_said "$1")
        silent_end=$((SECONDS + L1_SILENT_SECONDS))
    elif [ "$SECONDS" -gt "$silent_end" ]; then
        why="gave no sign of life for $L1_SILENT_SECONDS s"
        touch "$1/silent"
    fi
    [ "$SECONDS" -le "$3" ] || why="has used up its time"
    if [ -n "$why" ]; then
        say "$(basename "$1") $why; ending it (pid $2)"
        kill -9 "$2"
    fi
}

# Prints each result as it comes.
l1_follow() {
    local dir=$1 pid=$2 end=$((SECONDS + $3)) boot_end=$((SECONDS + L1_BOOT_SECONDS)) shown=0 lines
    local used=0 heard=0 silent_end=$((boot_end + L1_SILENT_SECONDS))

    while kill -0 "$pid" 2>/dev/null; do
        l1_watch "$dir" "$pid" "$end"
        sleep 0.5
        show_results "$dir" "$pid"
    done
    wait "$pid" 2>/dev/null
    show_results "$dir"
}

# Seconds of processor time that process $1 has used; fails if it is gone.
cpu_seconds() {
    local stat

    stat=$(cat "/proc/$1/stat" 2>/dev/null) || return
    # Behind the name, in brackets, is the third field; the two are the 14th and 15th.
    set -- ${stat##*) }
    echo $(((${12} + ${13}) / $(getconf CLK_TCK)))
}

# show_results DIR [PID]: lines for people: results, what failed, and the processor time of the emulator, which says
# what a scenario costs on any machine. "shown" counts the console lines already looked at, "used" the seconds.
show_results() {
    local lines fresh cpu

    lines=$(wc -l < "$1/console.log" 2>/dev/null || echo 0)
    [ "$lines" -gt "$shown" ] || return 0
    fresh=$(head -n "$lines" "$1/console.log" | tail -n +$((shown + 1)) | tr -d '\r')
    cpu=$(cpu_seconds "${2:-}") || cpu=$used
    awk -v cpu=$((cpu - used)) '
        /^LAB-OK / { note = "" }
        /^LAB-NOTE / { note = "    NOTE " substr($0, 10) }
        /^LAB-FAIL / { print "    FAIL " substr($0, 10); if (note) print note; note = "" }
        $1 == "LAB-RESULT" {
            name = $2; verdict = $3; took = "(" $4 " s" (cpu > 0 ? ", " cpu " s of processor time)" : ")")
            sub(/^LAB-RESULT [^ ]+ [^ ]+ [^ ]+ ?/, "")
            if (verdict == "pass") print "PASS " name " " took
            if (verdict == "fail") print "FAIL " name " " took ": " $0
            if (verdict == "skip") print "SKIP " name ": " $0
        }' <<< "$fresh"
    ! grep -qE '^LAB-(BOOT|RESULT) ' <<< "$fresh" || used=$cpu
    shown=$lines
}

# result_of SCENARIO [MACHINE]: of any machine if none is given.
result_of() {
    cat "$WORK"/l1-${2:-*}/console.log "$WORK"/hung-${2:-*}.*/console.log 2>/dev/null | tr -d '\r' |
        awk -v name="$1" '$1 == "LAB-RESULT" && $2 == name { print $3 }'
}

# without_result MACHINE SCENARIO...: those that have none yet.
without_result() {
    local machine=$1 name
    shift

    for name in "$@"; do
        [ -n "$(result_of "$name" "$machine")" ] || echo "$name"
    done
}

# judge_all SCENARIO...: the count, and where the logs are if something failed.
judge_all() {
    local name passed=0 failed=0 skipped=0

    for name in "$@"; do
        case $(result_of "$name") in
        pass) passed=$((passed + 1)) ;;
        fail) failed=$((failed + 1)) ;;
        skip) skipped=$((skipped + 1)) ;;
        *)
            failed=$((failed + 1))
            echo "FAIL $name: no result; L1 crashed or hung"
            ;;
        esac
    done
    if [ "$failed" -gt 0 ]; then
        LAB_FAILED=1
        echo "logs: $WORK (console.log: checks; details.log: consoles, VMM messages, kernel logs)"
    fi
    echo "lab: $passed passed, $failed failed, $skipped skipped"
    [ "$failed" = 0 ] || exit 1
}
