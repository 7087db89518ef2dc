# SPDX-License-Identifier: GPL-2.0-or-later
# about: workers in a PID namespace, in a user namespace, under pids.max and a user's limit, as in a container
# limit: 120
# only: ours

CGROUP=/sys/fs/cgroup/lab
DEVICE="\"driver\":\"vhost-scsi-pci\",\"id\":\"disk0\",\"bus\":\"pci.1\",\"wwpn\":\"$WWPN\""

# The process that the last one of VMM $1 has become: unshare stands before it.
inner_pid() {
    sed -n 's/ .*//p' "/proc/$(vmm_pid "$1")/task/$(vmm_pid "$1")/children"
}

# start NAME COMMAND...: the program on the real device, without KVM, run by COMMAND; a root port takes the disks.
start() {
    local name=$1
    shift

    vmm_spawn "$name" "$@" "$(vmm_program)" -machine q35 -accel qtest -nodefaults -display none $QMP_OPTIONS \
        -device pcie-root-port,id=pci.1
    LABRUN=
    check "$name: monitor answers" qmp_open "$name"
    inner_pid "$name" >> "$RUN/pids"
}

end() {
    kill -9 $(inner_pid "$1")
    check "$1: ends" wait_for 30 vmm_gone "$1"
}

answer_has() {
    echo "$QMP_ANSWER" | grep -q -- "$1" && return
    note "no '$1' in: $QMP_ANSWER"
    return 1
}

answer_counts() {
    equal "$(echo "$QMP_ANSWER" | grep -o "$1" | wc -l)" "$2"
}

remove_disk() {
    check "$1: the disk goes" qmp_do device_del '"id":"disk0"'
}

# The kernel calls a worker after a number that the process cannot know.
pid_namespace() {
    start pidns unshare -p -f --mount-proc
    check "pidns: workers are placed" qmp_do device_add "$DEVICE,\"num_queues\":4,\"workers\":2,\"worker-cpus\":\"0\",\"worker-names\":true"
    qmp_do query-vhost-workers
    check "pidns: both threads are known" answer_counts '"tid": *[0-9]' 2
    check "pidns: they have their names" answer_counts '"name": *"disk0:' 2
    note "$(grep -h Name /proc/"$(inner_pid pidns)"/task/*/status | tr '\n\t' '  ')"
    qmp_do query-stats '"target":"vm"'
    qmp_do vhost-new-worker '"id":"disk0","cpus":"0"'
    check "pidns: one more is found" answer_has '"worker-id": *2'
    qmp_do query-vhost-workers
    check "pidns: and known" answer_counts '"tid": *[0-9]' 3
    remove_disk pidns
    check "pidns: no worker is raised, since none was at the start" qmp_refuses "it needs CAP_SYS_NICE" device_add \
        "$DEVICE,\"num_queues\":1,\"worker-vq-mapping\":[{\"vqs\":[0],\"nice\":-5}]"
    check "pidns: nice and policy are set" qmp_do device_add \
        "$DEVICE,\"num_queues\":2,\"worker-vq-mapping\":[{\"vqs\":[0],\"nice\":5},{\"vqs\":[1],\"sched\":\"batch\"}]"
    qmp_do query-vhost-workers
    check "pidns: one is batch" answer_counts '"policy": *"batch"' 1
    remove_disk pidns
    check "pidns: workers=auto is taken" qmp_do device_add "$DEVICE,\"num_queues\":2,\"workers\":\"auto\""
    qmp_do query-vhost-workers
    check "pidns: and works" answer_has '"effective-mode": *"auto"'
    end pidns
}

# As Docker and Kubernetes limit a container.
pids_max() {
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
    echo +pids > /sys/fs/cgroup/cgroup.subtree_control
    mkdir "$CGROUP"
    echo 10 > "$CGROUP/pids.max"
    start pids sh -c "echo \$\$ > $CGROUP/cgroup.procs; exec unshare -r -p -f --mount-proc \"\$@\"" sh
    check "pids: more workers than pids.max allows are refused, with the reason" qmp_refuses 'pids.max allows 10' \
        device_add "$DEVICE,\"num_queues\":12,\"worker_per_virtqueue\":true"
    check "pids: fewer are taken" qmp_do device_add "$DEVICE,\"num_queues\":2,\"worker_per_virtqueue\":true,\"worker-cpus\":\"0\""
    qmp_do query-vhost-workers
    check "pids: and their threads known" answer_counts '"tid": *[0-9]' 2
    end pids
    check "pids: nobody is left in the cgroup" wait_for 30 rmdir "$CGROUP"
    umount /sys/fs/cgroup
}

# Who is root there only is an ordinary user to fork().
user_namespace() {
    chmod 666 /dev/vhost-scsi
    LABRUN="-u 1000 -p 9"
    start userns unshare -r -p -f --mount-proc
    check "userns: the user's limit of threads counts" qmp_refuses "the user's limit is 9" \
        device_add "$DEVICE,\"num_queues\":12,\"worker_per_virtqueue\":true"
    check "userns: less than that is taken" qmp_do device_add "$DEVICE,\"num_queues\":2,\"worker_per_virtqueue\":true"
    end userns
    chmod 600 /dev/vhost-scsi
}

# What a device of the command line has needed stays, for those that come, also for another user.
raised() {
    local mapping='\"num_queues\":1,\"worker-vq-mapping\":[{\"vqs\":[0],\"nice\":-5}]'

    mapping=$(echo "$mapping" | tr -d '\\')
    target_add 1
    chmod 666 /dev/vhost-scsi
    vmm_spawn raised "$(vmm_program)" -machine q35 -accel qtest -nodefaults -display none $QMP_OPTIONS \
        -device pcie-root-port,id=pci.1 -runas 1000:1000 \
        -device "{\"driver\":\"vhost-scsi-pci\",\"wwpn\":\"$(target_wwpn 1)\",$mapping}"
    check "raised: monitor answers" qmp_open raised
    check "raised: CAP_SYS_NICE is left" equal "$(vmm_capabilities raised)" 0000000000800000
    check "raised: of another user" equal "$(vmm_status raised Uid)" "1000 1000 1000 1000"
    check "raised: one more is raised" qmp_do device_add "$DEVICE,$mapping,\"worker-names\":true"
    check "raised: and has its name" grep -q '^disk0:' /proc/"$(vmm_pid raised)"/task/*/comm
    check "raised: both are" equal "$(cat /proc/"$(vmm_pid raised)"/task/*/stat | awk '{ print $19 }' | grep -c -- -5)" 2
    check "raised: and may be moved" qmp_do vhost-set-worker-affinity '"id":"disk0","worker-id":0,"cpus":"0"'
    vmm_kill raised
    chmod 600 /dev/vhost-scsi
}

scenario() {
    target_make
    raised
    pid_namespace
    pids_max
    user_namespace
}
