# SPDX-License-Identifier: GPL-2.0-or-later
# The body of the scenarios conform and conform-old: each answer of the kernel that differs is a failure.

# conform_with GENERATION
conform_with() {
    conform "$1" "$WWPN" "$(cat /sys/module/vhost_scsi/parameters/max_io_vqs)" tap > "$RUN/conform.log" 2>&1
    rc=$?
    grep '^not ok' "$RUN/conform.log" > "$RUN/differs"
    while read -r line; do
        check "$line" false
    done < "$RUN/differs"
    note "$(grep -c '^ok' "$RUN/conform.log") answers as expected"
    check "every answer was looked at" grep -q '^1\.\.[0-9]' "$RUN/conform.log"
    check "status 0" equal "$rc" 0
}
