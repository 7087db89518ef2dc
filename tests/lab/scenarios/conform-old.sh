# SPDX-License-Identifier: GPL-2.0-or-later
# about: /dev/vhost-scsi of Debian's 6.1 kernel answers as tests/fake-vhost/conform.c says
# kernel: 6.1
# limit: 60

. "$LAB_HOME/conform.sh"

scenario() {
    target_make
    conform_with 6.1
}
