/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every trace point, one row each; see util/log.h. No include guard: log.h and
 * log.c read it with different meanings of TRACE_EVENT. */

/* system */
TRACE_EVENT(runstate_request)
TRACE_EVENT(runstate_set)
TRACE_EVENT(runstate_deputy)
TRACE_EVENT(event_emit)
TRACE_EVENT(memory_region_unassigned)

/* accel/kvm, target/i386 */
TRACE_EVENT(kvm_set_user_memory)
TRACE_EVENT(kvm_routes_commit)
TRACE_EVENT(kvm_irqfd)
TRACE_EVENT(kvm_ioeventfd)
TRACE_EVENT(kvm_run_exit)
TRACE_EVENT(kvm_clocks)
TRACE_EVENT(kvm_msr_skipped)
TRACE_EVENT(kvm_cpuid_skipped)

/* accel/qtest */
TRACE_EVENT(qtest_irqfd)
TRACE_EVENT(qtest_ioeventfd)
TRACE_EVENT(qtest_msi_dropped)
TRACE_EVENT(qtest_irq_dropped)

/* monitor */
TRACE_EVENT(qmp_receive)
TRACE_EVENT(qmp_send)
TRACE_EVENT(monitor_timeout)

/* hw/pci */
TRACE_EVENT(pci_config_read)
TRACE_EVENT(pci_config_write)
TRACE_EVENT(pci_bar_map)
TRACE_EVENT(pcie_slot_update)
TRACE_EVENT(msix_bind)
TRACE_EVENT(msix_set_mask)
TRACE_EVENT(msix_notify)

/* hw/virtio */
TRACE_EVENT(virtio_set_status)
TRACE_EVENT(virtio_reset)
TRACE_EVENT(virtio_set_dma)
TRACE_EVENT(virtio_error)
TRACE_EVENT(virtio_set_features)
TRACE_EVENT(virtio_queue_enable)
TRACE_EVENT(virtio_pci_common_read)
TRACE_EVENT(virtio_pci_common_write)
TRACE_EVENT(virtio_pci_notify_slow)
TRACE_EVENT(vhost_set_owner)
TRACE_EVENT(vhost_get_features)
TRACE_EVENT(vhost_set_features)
TRACE_EVENT(vhost_set_mem_table)
TRACE_EVENT(vhost_set_vring_num)
TRACE_EVENT(vhost_set_vring_base)
TRACE_EVENT(vhost_get_vring_base)
TRACE_EVENT(vhost_set_vring_addr)
TRACE_EVENT(vhost_set_vring_kick)
TRACE_EVENT(vhost_set_vring_call)
TRACE_EVENT(vhost_set_vring_err)
TRACE_EVENT(vhost_get_fork_from_owner)
TRACE_EVENT(vhost_set_fork_from_owner)
TRACE_EVENT(vhost_new_worker)
TRACE_EVENT(vhost_free_worker)
TRACE_EVENT(vhost_attach_vring_worker)
TRACE_EVENT(vhost_get_vring_worker)
TRACE_EVENT(vhost_scsi_set_endpoint)
TRACE_EVENT(vhost_scsi_clear_endpoint)
TRACE_EVENT(vhost_scsi_get_abi_version)
TRACE_EVENT(vhost_scsi_get_events_missed)
TRACE_EVENT(vhost_scsi_set_events_missed)
TRACE_EVENT(vhost_worker_thread)
TRACE_EVENT(vhost_worker_auto)
TRACE_EVENT(vhost_worker_auto_sample)
TRACE_EVENT(vhost_dev_start)
TRACE_EVENT(vhost_dev_stop)

/* devices of the board */
TRACE_EVENT(serial_read)
TRACE_EVENT(serial_write)
TRACE_EVENT(rtc_read)
TRACE_EVENT(rtc_write)
TRACE_EVENT(ich9_pm_read)
TRACE_EVENT(ich9_pm_write)
TRACE_EVENT(ich9_pirq)
TRACE_EVENT(pvpanic_write)
TRACE_EVENT(x86_boot_load)
