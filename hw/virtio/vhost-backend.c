/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "hw/virtio/vhost.h"
#include "util/log.h"

#include <sys/ioctl.h>

/* The one place where vhost's errno is read. */
static int vhost_ioctl(const VhostDev *dev, unsigned long request,
                       const void *arg)
{
    return neg_errno(ioctl(dev->fd, request, arg));
}

static int vhost_kernel_set_owner(VhostDev *dev)
{
    int r = vhost_ioctl(dev, VHOST_SET_OWNER, NULL);

    trace(vhost_set_owner, "%s fd=%d ret=%d", dev->label, dev->fd, r);
    return r;
}

static int vhost_kernel_get_features(VhostDev *dev, uint64_t *ret_features)
{
    __u64 features = 0;
    int r = vhost_ioctl(dev, VHOST_GET_FEATURES, &features);

    trace(vhost_get_features, "%s features=0x%llx ret=%d", dev->label, features,
          r);
    if (r == 0) {
        *ret_features = features;
    }
    return r;
}

static int vhost_kernel_set_features(VhostDev *dev, uint64_t features)
{
    __u64 f = features;
    int r = vhost_ioctl(dev, VHOST_SET_FEATURES, &f);

    trace(vhost_set_features, "%s features=0x%llx ret=%d", dev->label, f, r);
    return r;
}

static int vhost_kernel_set_mem_table(VhostDev *dev,
                                      const struct vhost_memory *mem)
{
    int r = vhost_ioctl(dev, VHOST_SET_MEM_TABLE, mem);

    trace(vhost_set_mem_table, "%s regions=%u ret=%d", dev->label,
          mem->nregions, r);
    return r;
}

static int vhost_kernel_set_vring_num(VhostDev *dev,
                                      const struct vhost_vring_state *ring)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_NUM, ring);

    trace(vhost_set_vring_num, "%s vq=%u num=%u ret=%d", dev->label,
          ring->index, ring->num, r);
    return r;
}

static int vhost_kernel_set_vring_base(VhostDev *dev,
                                       const struct vhost_vring_state *ring)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_BASE, ring);

    trace(vhost_set_vring_base, "%s vq=%u base=%u ret=%d", dev->label,
          ring->index, ring->num, r);
    return r;
}

static int vhost_kernel_get_vring_base(VhostDev *dev,
                                       struct vhost_vring_state *ring)
{
    int r = vhost_ioctl(dev, VHOST_GET_VRING_BASE, ring);

    trace(vhost_get_vring_base, "%s vq=%u base=%u ret=%d", dev->label,
          ring->index, ring->num, r);
    return r;
}

static int vhost_kernel_set_vring_addr(VhostDev *dev,
                                       const struct vhost_vring_addr *addr)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_ADDR, addr);

    trace(vhost_set_vring_addr,
          "%s vq=%u desc=0x%llx avail=0x%llx used=0x%llx ret=%d", dev->label,
          addr->index, addr->desc_user_addr, addr->avail_user_addr,
          addr->used_user_addr, r);
    return r;
}

static int vhost_kernel_set_vring_kick(VhostDev *dev,
                                       const struct vhost_vring_file *file)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_KICK, file);

    trace(vhost_set_vring_kick, "%s vq=%u fd=%d ret=%d", dev->label,
          file->index, file->fd, r);
    return r;
}

static int vhost_kernel_set_vring_call(VhostDev *dev,
                                       const struct vhost_vring_file *file)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_CALL, file);

    trace(vhost_set_vring_call, "%s vq=%u fd=%d ret=%d", dev->label,
          file->index, file->fd, r);
    return r;
}

static int vhost_kernel_set_vring_err(VhostDev *dev,
                                      const struct vhost_vring_file *file)
{
    int r = vhost_ioctl(dev, VHOST_SET_VRING_ERR, file);

    trace(vhost_set_vring_err, "%s vq=%u fd=%d ret=%d", dev->label, file->index,
          file->fd, r);
    return r;
}

static int vhost_kernel_get_fork_from_owner(VhostDev *dev, bool *ret_task)
{
    uint8_t task = 0;
    int r = vhost_ioctl(dev, VHOST_GET_FORK_FROM_OWNER, &task);

    trace(vhost_get_fork_from_owner, "%s task=%u ret=%d", dev->label, task, r);
    if (r == 0) {
        *ret_task = task;
    }
    return r;
}

static int vhost_kernel_set_fork_from_owner(VhostDev *dev, bool task)
{
    uint8_t value = task;
    int r = vhost_ioctl(dev, VHOST_SET_FORK_FROM_OWNER, &value);

    trace(vhost_set_fork_from_owner, "%s task=%u ret=%d", dev->label, value, r);
    return r;
}

static int vhost_kernel_new_worker(VhostDev *dev,
                                   struct vhost_worker_state *worker)
{
    int r = vhost_ioctl(dev, VHOST_NEW_WORKER, worker);

    trace(vhost_new_worker, "%s worker_id=%u ret=%d", dev->label,
          r < 0 ? 0 : worker->worker_id, r);
    return r;
}

static int vhost_kernel_free_worker(VhostDev *dev,
                                    const struct vhost_worker_state *worker)
{
    int r = vhost_ioctl(dev, VHOST_FREE_WORKER, worker);

    trace(vhost_free_worker, "%s worker_id=%u ret=%d", dev->label,
          worker->worker_id, r);
    return r;
}

static int vhost_kernel_attach_vring_worker(
    VhostDev *dev, const struct vhost_vring_worker *worker)
{
    int r = vhost_ioctl(dev, VHOST_ATTACH_VRING_WORKER, worker);

    trace(vhost_attach_vring_worker, "%s vq=%u worker_id=%u ret=%d", dev->label,
          worker->index, worker->worker_id, r);
    return r;
}

static int vhost_kernel_get_vring_worker(VhostDev *dev,
                                         struct vhost_vring_worker *worker)
{
    int r = vhost_ioctl(dev, VHOST_GET_VRING_WORKER, worker);

    trace(vhost_get_vring_worker, "%s vq=%u worker_id=%u ret=%d", dev->label,
          worker->index, worker->worker_id, r);
    return r;
}

static int vhost_kernel_scsi_get_abi_version(VhostDev *dev, int *ret_version)
{
    int version = 0;
    int r = vhost_ioctl(dev, VHOST_SCSI_GET_ABI_VERSION, &version);

    trace(vhost_scsi_get_abi_version, "%s version=%d ret=%d", dev->label,
          version, r);
    if (r == 0) {
        *ret_version = version;
    }
    return r;
}

static int vhost_kernel_scsi_set_endpoint(
    VhostDev *dev, const struct vhost_scsi_target *target)
{
    int r = vhost_ioctl(dev, VHOST_SCSI_SET_ENDPOINT, target);

    trace(vhost_scsi_set_endpoint, "%s wwpn=%s ret=%d", dev->label,
          target->vhost_wwpn, r);
    return r;
}

static int vhost_kernel_scsi_clear_endpoint(
    VhostDev *dev, const struct vhost_scsi_target *target)
{
    int r = vhost_ioctl(dev, VHOST_SCSI_CLEAR_ENDPOINT, target);

    trace(vhost_scsi_clear_endpoint, "%s wwpn=%s ret=%d", dev->label,
          target->vhost_wwpn, r);
    return r;
}

static int vhost_kernel_scsi_get_events_missed(VhostDev *dev,
                                               uint32_t *ret_missed)
{
    uint32_t missed = 0;
    int r = vhost_ioctl(dev, VHOST_SCSI_GET_EVENTS_MISSED, &missed);

    trace(vhost_scsi_get_events_missed, "%s missed=%u ret=%d", dev->label,
          missed, r);
    if (r == 0) {
        *ret_missed = missed;
    }
    return r;
}

static int vhost_kernel_scsi_set_events_missed(VhostDev *dev, uint32_t missed)
{
    int r = vhost_ioctl(dev, VHOST_SCSI_SET_EVENTS_MISSED, &missed);

    trace(vhost_scsi_set_events_missed, "%s missed=%u ret=%d", dev->label,
          missed, r);
    return r;
}

static int vhost_kernel_vsock_set_guest_cid(VhostDev *dev, uint64_t cid)
{
    __u64 c = cid;
    int r = vhost_ioctl(dev, VHOST_VSOCK_SET_GUEST_CID, &c);

    trace(vhost_vsock_set_guest_cid, "%s cid=%llu ret=%d", dev->label, c, r);
    return r;
}

static int vhost_kernel_vsock_set_running(VhostDev *dev, bool on)
{
    int running = on;
    int r = vhost_ioctl(dev, VHOST_VSOCK_SET_RUNNING, &running);

    trace(vhost_vsock_set_running, "%s on=%d ret=%d", dev->label, on, r);
    return r;
}

static int vhost_kernel_net_set_backend(VhostDev *dev,
                                        const struct vhost_vring_file *file)
{
    int r = vhost_ioctl(dev, VHOST_NET_SET_BACKEND, file);

    trace(vhost_net_set_backend, "%s vq=%u fd=%d ret=%d", dev->label,
          file->index, file->fd, r);
    return r;
}

const VhostOps kernel_ops = {
    .vhost_set_owner = vhost_kernel_set_owner,
    .vhost_get_features = vhost_kernel_get_features,
    .vhost_set_features = vhost_kernel_set_features,
    .vhost_set_mem_table = vhost_kernel_set_mem_table,
    .vhost_set_vring_num = vhost_kernel_set_vring_num,
    .vhost_set_vring_base = vhost_kernel_set_vring_base,
    .vhost_get_vring_base = vhost_kernel_get_vring_base,
    .vhost_set_vring_addr = vhost_kernel_set_vring_addr,
    .vhost_set_vring_kick = vhost_kernel_set_vring_kick,
    .vhost_set_vring_call = vhost_kernel_set_vring_call,
    .vhost_set_vring_err = vhost_kernel_set_vring_err,
    .vhost_get_fork_from_owner = vhost_kernel_get_fork_from_owner,
    .vhost_set_fork_from_owner = vhost_kernel_set_fork_from_owner,
    .vhost_new_worker = vhost_kernel_new_worker,
    .vhost_free_worker = vhost_kernel_free_worker,
    .vhost_attach_vring_worker = vhost_kernel_attach_vring_worker,
    .vhost_get_vring_worker = vhost_kernel_get_vring_worker,
};

const VhostNetOps kernel_net_ops = {
    .vhost_net_set_backend = vhost_kernel_net_set_backend,
};

const VhostScsiOps kernel_scsi_ops = {
    .vhost_scsi_get_abi_version = vhost_kernel_scsi_get_abi_version,
    .vhost_scsi_set_endpoint = vhost_kernel_scsi_set_endpoint,
    .vhost_scsi_clear_endpoint = vhost_kernel_scsi_clear_endpoint,
    .vhost_scsi_get_events_missed = vhost_kernel_scsi_get_events_missed,
    .vhost_scsi_set_events_missed = vhost_kernel_scsi_set_events_missed,
};

const VhostVsockOps kernel_vsock_ops = {
    .vhost_vsock_set_guest_cid = vhost_kernel_vsock_set_guest_cid,
    .vhost_vsock_set_running = vhost_kernel_vsock_set_running,
};
