/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target/target.h"
#include "target/i386/cpu-features.h"
#include "target/i386/cpu.h"

static const CpuModel models[] = {
    { "host", "the host's processor, all features KVM can pass on" },
    { "max", "all features this host can give; the same as host under KVM" },
    { NULL, NULL },
};

/* The local APICs' window is in the Intel SDM, volume 3, 11.11.1; the vector in
 * a message, in 11.11.2. */
const TargetInfo target_info = {
    .name = "x86_64",
    .family = "x86",
    .cpu_models = models,
    .features_title = "CPUID flags",
    .feature = x86_feature,
    .feature_name = x86_feature_name,
    .check_topology = x86_topology_check,
    .irq_inputs = "ioapic",
    .n_irq_inputs = 24,
    .irq_messages = "lapic",
    .msi_base = 0xfee00000,
    .msi_size = 0x00100000,
};
