# SPDX-License-Identifier: GPL-2.0-or-later
# about: /dev/vhost-scsi, vhost-net and vhost-vsock of Debian's 6.1 kernel answer as tests/fake-vhost/conform.c says
# kernel: 6.1
# needs: net vsock
# limit: 90

. "$LAB_HOME/conform.sh"

scenario() {
    target_make
    conform_with 6.1
}
