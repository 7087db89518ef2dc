# SPDX-License-Identifier: GPL-2.0-or-later
# about: the unit tests of the KVM accelerator, which a host without /dev/kvm cannot run
# limit: 120
# needs: unit-tests
# only: ours

# unit_test PROGRAM: each of its cases is a check, and a case that is skipped has failed.
unit_test() {
    local name=$1 out=$RUN/$1.log line

    "/tests/$name" --tap > "$out" 2> "$RUN/$name.err"
    check "$name ends with status 0" equal "$?" 0
    while read -r line; do
        case $line in
        *"# SKIP"*) check "$name: not skipped: ${line#ok }" false ;;
        "ok "*) check "$name: ${line#ok }" true ;;
        "not ok "*) check "$name: ${line#not ok }" false ;;
        esac
    done < "$out"
    check "$name has run all its cases" equal "$(grep -cE '^(not )?ok ' "$out")" "$(sed -n 's/^1\.\.//p' "$out")"
}

scenario() {
    unit_test test-kvm
    unit_test test-kvm-clock
    check "this host's KVM can set both clocks by one look" grep -q "pauses set the clocks apart" "$RUN/test-kvm-clock.log"
    unit_test test-kvm-memory
    unit_test test-kvm-routes
    unit_test test-kvm-state
    note "$(sed -n 's/^# \(.*one by one.*\)/\1/p' "$RUN/test-kvm-routes.log")"
}
