# SPDX-License-Identifier: GPL-2.0-or-later
# Paths and messages shared by every host-side script of the lab. Sourced, never run.

LAB_DIR=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
LAB_ROOT=$(cd "$LAB_DIR/../.." && pwd)
LAB_CACHE=${XDG_CACHE_HOME:-$HOME/.cache}/qemu-vhost-scsi/lab

# Kernels that L1 can boot, and the Debian package that pulls in each. generic is for a guest with USB, which those
# for clouds leave out.
declare -A LAB_KERNEL_PACKAGE=(
    [6.12]=linux-image-6.12-cloud-amd64
    [6.1]=linux-image-cloud-amd64
    [generic]=linux-image-amd64
)

# For the command line of each kernel that runs in software emulation, once or twice: what a machine that lives for
# minutes need not do, a third of a guest's boot: clear what it allocates, test ciphers and a source of random bits, read
# certificates for modules and tables for BPF.
LAB_KERNEL_WORDS="mitigations=off init_on_alloc=0 cryptomgr.notests"
LAB_KERNEL_WORDS+=" initcall_blacklist=jent_mod_init,load_system_certificate_list,bpf_tcp_ca_kfunc_init,bpf_dummy_struct_ops_init"

say() {
    printf '%s\n' "lab: $*" >&2
}

die() {
    say "$*"
    exit 1
}

# Status 77 is what test runners know as "skipped".
LAB_SKIP=77

# scenario_field NAME FIELD: a "# FIELD: value" line at the head of a scenario.
scenario_field() {
    sed -n "s/^# $2: //p" "$LAB_DIR/scenarios/$1.sh" | head -n 1
}
