#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers as properties ask for them and as QMP shows and changes them, in the
shipped binary on the stand-in kernel, whose workers are real threads.
usage: workers.py BINARY [TEST...]"""

import json
import os
import resource
import subprocess

from qemu import BINARY, Machine, WWPN, equal, main

CPUS = sorted(os.sched_getaffinity(0))


def device(num_queues=4, **properties):
    """-device as JSON."""
    d = {"driver": "vhost-scsi-pci", "id": "disk", "wwpn": WWPN,
         "num_queues": num_queues}
    d.update({k.replace("__", "-"): v for k, v in properties.items()})
    return json.dumps(d)


def machine(num_queues=4, fake="", **properties):
    return Machine("-device", device(num_queues, **properties), fake=fake)


def workers(qmp):
    info, = qmp.cmd("query-vhost-workers")
    return info["workers"]


def mapping(qmp):
    """Worker id -> numbers of the virtqueues."""
    return {w["worker-id"]: [q["index"] for q in w["virtqueues"]]
            for w in workers(qmp)}


def kernel_mapping(m, n=6):
    """The same as the stand-in has it, for the first @n virtqueues."""
    result = {}
    for line in m.fake_lines("workers")[:-1]:
        fields = dict(f.split("=") for f in line.split())
        queues = [] if fields["queues"] == "none" else \
            [int(q) for q in fields["queues"].split(",")]
        result[int(fields["id"])] = [q for q in queues if q < n]
    return result


def both(m, qmp, expected, n=6):
    equal(mapping(qmp), expected, "query-vhost-workers")
    equal(kernel_mapping(m, n), expected, "the kernel")


def modes(qmp):
    info, = qmp.cmd("query-vhost-workers")
    return info["requested-mode"], info["effective-mode"], info.get("reason")


def refused(message, num_queues=4, fake="", status=1, **properties):
    env = dict(os.environ, LD_PRELOAD=os.environ["FAKE_VHOST_PRELOAD"],
               FAKE_VHOST=fake)
    out = subprocess.run(
        [BINARY, "-accel", "qtest", "-display", "none", "-nodefaults",
         "-device", device(num_queues, **properties)], timeout=60, env=env,
        capture_output=True, text=True, check=False)
    equal(out.returncode, status, out.stderr)
    equal(out.stderr.count("\n"), 1, out.stderr)
    equal(out.stderr.strip(),
          f"qemu-system-x86_64: -device disk: vhost-scsi: {message}")


# --- properties ---

def test_nothing_asked_for_is_one_worker():
    with machine() as m:
        qmp = m.qmp()
        both(m, qmp, {0: [0, 1, 2, 3, 4, 5]})
        equal(modes(qmp), ("single", "single", None))
        worker, = workers(qmp)
        equal(worker["name"], f"vhost-{m.process.pid}")
        equal([q["role"] for q in worker["virtqueues"]],
              ["control", "event"] + ["request"] * 4)


def test_worker_per_virtqueue():
    with machine(worker_per_virtqueue=True) as m:
        qmp = m.qmp()
        both(m, qmp, {0: [0, 1, 2], 1: [3], 2: [4], 3: [5]})
        equal(modes(qmp), ("per-virtqueue", "per-virtqueue", None))
        equal(len({w["tid"] for w in workers(qmp)}), 4)
        equal({w["name"] for w in workers(qmp)}, {f"vhost-{m.process.pid}"})


def test_workers_by_count():
    for n, expected in ((1, {0: [0, 1, 2, 3, 4, 5]}),
                        (2, {0: [0, 1, 2, 4], 1: [3, 5]}),
                        (3, {0: [0, 1, 2, 5], 1: [3], 2: [4]}),
                        (4, {0: [0, 1, 2], 1: [3], 2: [4], 3: [5]})):
        with machine(workers=n) as m:
            qmp = m.qmp()
            both(m, qmp, expected)
            equal(modes(qmp), ("count", "count", None))


def test_workers_by_mapping():
    with machine(worker__vq__mapping=[{"vqs": [0, 3]}, {"vqs": [1, 2],
                                                        "control": True}]) as m:
        qmp = m.qmp()
        both(m, qmp, {0: [2, 5], 1: [0, 1, 3, 4]})
        equal(modes(qmp), ("mapped", "mapped", None))


def test_a_mapping_says_how_many_queues_there_are():
    with machine("auto", worker__vq__mapping=[{"vqs": [0]}, {"vqs": [1, 2]}]
                 ) as m:
        qmp = m.qmp()
        both(m, qmp, {0: [0, 1, 2], 1: [3, 4]}, 5)
        equal(qmp.cmd("qom-get", path="disk", property="num_queues"), 3)
        equal(qmp.cmd("qom-get", path="disk", property="worker-vq-mapping"),
              [{"vqs": [0]}, {"vqs": [1, 2]}])


def test_processors_of_all_and_of_each():
    with machine(workers=3, worker__cpus=str(CPUS[0])) as m:
        equal([w["cpus"] for w in workers(m.qmp())], [str(CPUS[0])] * 3)
    with machine(2, worker__cpus=str(CPUS[0]), worker__vq__mapping=[
            {"vqs": [0], "cpus": str(CPUS[-1])}, {"vqs": [1]}]) as m:
        equal([w["cpus"] for w in workers(m.qmp())],
              [str(CPUS[-1]), str(CPUS[0])])
    # Whoever makes them runs where it ran before.
    with machine(worker_per_virtqueue=True, worker__cpus=str(CPUS[0])) as m:
        m.qmp()
        equal(os.sched_getaffinity(m.process.pid), set(CPUS))
    refused("sched_setaffinity failed: Invalid argument; none of the "
            "processors may be used by this process: see Cpus_allowed_list in "
            "/proc/self/status", worker__cpus="8191")


def test_more_processors_and_queues_than_a_cpu_set_t_has():
    # Two eventfds for each queue, and what the stand-in has.
    _, limit = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (limit, limit))
    with machine(1024, fake="max_io_vqs=1024", workers=1024) as m:
        queues = [[q["index"] for q in w["virtqueues"]]
                  for w in workers(m.qmp())]
        equal(queues, [[0, 1, 2]] + [[q] for q in range(3, 1026)])
        qmp = m.qmp()
        equal(qmp.error("vhost-free-worker", id="disk", worker_id=1023).desc,
              "worker 1023 of device 'disk' serves virtqueues 1025: attach "
              "them to another worker first")


def test_pid_namespace():
    with machine(3, fake="pid_namespace=1", worker__cpus=str(CPUS[0]),
                 worker__vq__mapping=[
                     {"vqs": [0], "nice": 5}, {"vqs": [1], "sched": "batch"},
                     {"vqs": [2]}]) as m:
        listed = workers(m.qmp())
        equal([w["policy"] for w in listed], ["other", "batch", "other"])
        equal([w["cpus"] for w in listed], [str(CPUS[0])] * 3)
        equal(len({w["tid"] for w in listed}), 3)
    with machine(2, fake="pid_namespace=1", workers="auto") as m:
        equal(m.qmp().cmd("query-vhost-workers")[0]["effective-mode"], "auto")


def test_nice_and_policy():
    with machine(3, worker__vq__mapping=[
            {"vqs": [0], "nice": 5}, {"vqs": [1], "sched": "batch"},
            {"vqs": [2], "sched": "idle"}]) as m:
        listed = workers(m.qmp())
        equal([w["policy"] for w in listed], ["other", "batch", "idle"])
        equal(os.getpriority(os.PRIO_PROCESS, listed[0]["tid"]), 5)
        equal(os.getpriority(os.PRIO_PROCESS, m.process.pid),
              os.getpriority(os.PRIO_PROCESS, 0))


def test_names():
    with machine(worker_per_virtqueue=True, worker__names=True) as m:
        equal([w["name"] for w in workers(m.qmp())],
              ["disk:0-2", "disk:3", "disk:4", "disk:5"])
    with machine(4, worker__names=True, worker__vq__mapping=[
            {"vqs": [0, 2], "name": "fast"}, {"vqs": [1, 3]}]) as m:
        qmp = m.qmp()
        equal([w["name"] for w in workers(qmp)], ["disk:fast", "disk:3,5"])
        qmp.cmd("vhost-attach-vring-worker", id="disk", virtqueue=5,
                worker_id=0)
        equal([w["name"] for w in workers(qmp)], ["disk:fast", "disk:3"])
    # The queues are whole, the device's name is cut.
    with Machine("-device", device(8, worker__names=True).replace(
            '"disk"', '"a-long-device-name"'), fake="") as m:
        equal([w["name"] for w in workers(m.qmp())], ["a-long-devi:0-9"])


def test_fallback():
    limit = "fail=NEW_WORKER:2:ENOMEM:0"
    refused("VHOST_NEW_WORKER failed for virtqueue 4: Cannot allocate memory; "
            "the kernel could not create a worker thread: raise the thread "
            "limits (ulimit -u, pids.max of the cgroup) or lower num_queues",
            fake=limit, worker_per_virtqueue=True, worker__fallback="error")
    with machine(6, fake=limit, worker_per_virtqueue=True,
                 worker__fallback="share") as m:
        qmp = m.qmp()
        both(m, qmp, {0: [0, 1, 2, 4, 6], 1: [3, 5, 7]}, 8)
        requested, effective, reason = modes(qmp)
        equal((requested, effective), ("per-virtqueue", "per-virtqueue"))
        equal(reason, "4 of 6 workers could not be made (Cannot allocate "
                      "memory): their queues are served by the others")
        assert reason in m.stderr(), m.stderr()
    with machine(fake="kernel=6.1", workers=2, worker__fallback="share") as m:
        equal(modes(m.qmp()), ("count", "single", "the kernel supports a "
                               "single vhost worker"))
        assert "workers is ignored" in m.stderr()


def test_thread_mode():
    with machine(fake="kernel=kthread", workers=2) as m:
        m.qmp()
        equal(len(kernel_mapping(m)), 2)     # task mode was asked for
    with machine(fake="kernel=6.17", vhost__thread__mode="kthread") as m:
        qmp = m.qmp()
        worker, = workers(qmp)
        assert "tid" not in worker, worker
        assert "kthread mode" in modes(qmp)[2]
    with machine(fake="kernel=6.5", vhost__thread__mode="task") as m:
        assert "tid" in workers(m.qmp())[0]
    refused("VHOST_GET_FORK_FROM_OWNER failed: Inappropriate ioctl for "
            "device; this kernel does not let vhost-thread-mode be chosen "
            "(Linux 6.17 does): give vhost-thread-mode=auto",
            fake="kernel=6.5", vhost__thread__mode="kthread")
    refused("property 'vhost-thread-mode' cannot be 'task': this kernel runs "
            "vhost in kernel threads of its own: give auto, or use Linux 6.4 "
            "or later", fake="kernel=6.1", vhost__thread__mode="task")
    refused("property 'vhost-thread-mode' cannot be 'kthread' with several "
            "workers: the kernel allows one", workers=2,
            vhost__thread__mode="kthread")
    refused("finding the worker's thread failed: No such process; the kernel "
            "runs vhost in kthread mode, in which workers are not threads of "
            "this process, or /proc is not there (-chroot): leave processors, "
            "nice and sched out",
            fake="kernel=6.1", worker__cpus=str(CPUS[0]))


def test_what_cannot_be_is_refused():
    exclusive = ("properties 'worker_per_virtqueue', 'workers' and "
                 "'worker-vq-mapping' exclude each other: give one of them")
    refused(exclusive, workers=2, worker_per_virtqueue=True)
    refused(exclusive, workers=1, worker__vq__mapping=[{"vqs": [0]}])
    refused("property 'workers' cannot be '5': at most one for each of the 4 "
            "request queues is expected", workers=5)
    refused("property 'worker-vq-mapping' speaks of 2 request queues, and "
            "num_queues is 4: map each of them",
            worker__vq__mapping=[{"vqs": [0, 1]}])
    refused("property 'worker-cpus' cannot be 'x': a list of processors from "
            "0 to 8191 such as 0-3,8 is expected", worker__cpus="x")


def test_pinned_memory_is_warned_of():
    with machine(8, pinned__memory__warn="32M") as m:
        m.qmp()
        assert "8 request queues of 128 descriptors pin about 64 MiB of " \
            "kernel memory" in m.stderr(), m.stderr()
    with machine(8, pinned__memory__warn="64M") as m:
        m.qmp()
        equal(m.stderr(), "")
    with machine(8, pinned__memory__warn=0) as m:
        m.qmp()
        equal(m.stderr(), "")


# --- workers=auto ---

def test_auto_begins_with_one_and_manages_its_workers_itself():
    with machine(workers="auto") as m:
        qmp = m.qmp()
        both(m, qmp, {0: [0, 1, 2, 3, 4, 5]})
        equal(modes(qmp), ("auto", "auto", None))
        for name, args in (("vhost-new-worker", {}),
                           ("vhost-free-worker", {"worker_id": 0}),
                           ("vhost-attach-vring-worker",
                            {"worker_id": 0, "virtqueue": 2})):
            equal(qmp.error(name, id="disk", **args).desc,
                  "workers of device 'disk' follow the load (workers=auto): "
                  "give workers=N or worker-vq-mapping to manage them")
        # It may be placed all the same.
        qmp.cmd("vhost-set-worker-affinity", id="disk", worker_id=0,
                cpus=str(CPUS[0]))


def test_auto_asks_nothing_while_there_is_no_io():
    with machine(workers="auto") as m:
        qmp = m.qmp()
        m.fake("reset")
        for _ in range(20):
            qmp.cmd("query-vhost-workers")
        equal(m.fake("count GET_VRING_BASE"), "0")


def test_auto_comes_and_goes_with_its_device():
    with Machine("-device", "pcie-root-port,id=port,chassis=1,addr=4",
                 fake="", guest=True) as m:
        qmp = m.qmp()
        fds = tasks = 0
        for i in range(20):
            reply = qmp.execute("device_add", {
                "driver": "vhost-scsi-pci", "id": "disk", "wwpn": WWPN,
                "bus": "port", "num_queues": 4, "workers": "auto"})
            assert "error" not in reply, reply
            m.fake("reset")
            m.guest.start_driver(4)
            # A start kicks every queue, so that it looks at them.
            if i % 2:
                m.fake("wait GET_VRING_BASE 8")
            if i % 5 == 0:
                qmp.cmd("stop")
                qmp.cmd("cont")
            qmp.cmd("device_del", id="disk")
            while qmp.event("DEVICE_DELETED")["data"].get("device") != "disk":
                pass
            if i == 5:
                fds, tasks = m.count("fd"), m.count("task")
        m.wait_for(lambda: m.count("task") <= tasks, "threads to end")
        assert m.count("fd") <= fds, (m.count("fd"), fds)


def test_auto_without_worker_calls_is_one_worker():
    for kernel in ("6.1", "6.5"):
        with machine(fake=f"kernel={kernel}", workers="auto") as m:
            expected = ("auto", "single", "the kernel supports a single vhost "
                        "worker") if kernel == "6.1" else \
                ("auto", "auto", None)
            equal(modes(m.qmp()), expected)


# --- QMP ---

def test_new_attach_get_free():
    with machine() as m:
        qmp = m.qmp()
        made = qmp.cmd("vhost-new-worker", id="disk", cpus=str(CPUS[0]))
        equal(made, {"worker-id": 1})
        both(m, qmp, {0: [0, 1, 2, 3, 4, 5], 1: []})
        equal(workers(qmp)[1]["cpus"], str(CPUS[0]))
        for vq in (3, 0):
            equal(qmp.cmd("vhost-attach-vring-worker", id="disk",
                          virtqueue=vq, worker_id=1), {})
        both(m, qmp, {0: [1, 2, 4, 5], 1: [0, 3]})
        equal(qmp.cmd("vhost-get-vring-worker", id="disk", virtqueue=3),
              {"worker-id": 1})
        e = qmp.error("vhost-free-worker", id="disk", worker_id=1)
        equal(e.desc, "worker 1 of device 'disk' serves virtqueues 0,3: attach "
                      "them to another worker first")
        for vq in (3, 0):
            qmp.cmd("vhost-attach-vring-worker", id="disk", virtqueue=vq,
                    worker_id=0)
        qmp.cmd("vhost-free-worker", id="disk", worker_id=1)
        both(m, qmp, {0: [0, 1, 2, 3, 4, 5]})
        equal([(e["data"]["operation"], e["data"]["worker-id"],
                e["data"].get("virtqueue"), e["data"]["device"])
               for e in qmp.events if e["event"] == "VHOST_WORKERS_CHANGED"],
              [("new", 1, None, "disk"), ("attach", 1, 3, "disk"),
               ("attach", 1, 0, "disk"), ("attach", 0, 3, "disk"),
               ("attach", 0, 0, "disk"), ("free", 1, None, "disk")])


def test_affinity():
    with machine(workers=2) as m:
        qmp = m.qmp()
        qmp.cmd("vhost-set-worker-affinity", id="disk", worker_id=1,
                cpus=str(CPUS[-1]))
        tid = workers(qmp)[1]["tid"]
        equal(os.sched_getaffinity(tid), {CPUS[-1]})
        equal(workers(qmp)[1]["cpus"], str(CPUS[-1]))
        assert "Cpus_allowed_list" in qmp.error(
            "vhost-set-worker-affinity", id="disk", worker_id=1,
            cpus="8191").desc
        assert "expects a list of processors" in qmp.error(
            "vhost-set-worker-affinity", id="disk", worker_id=1,
            cpus="1-").desc


def test_errors_name_what_is_wrong():
    with machine(workers=2) as m:
        qmp = m.qmp()

        def error(name, **args):
            return qmp.error(name, id=args.pop("id", "disk"), **args)
        equal(error("vhost-new-worker", id="x").cls, "DeviceNotFound")
        equal(error("vhost-free-worker", worker_id=7).desc,
              "device 'disk' has no worker 7; see query-vhost-workers")
        equal(error("vhost-set-worker-affinity", worker_id=7, cpus="0").desc,
              "device 'disk' has no worker 7; see query-vhost-workers")
        equal(error("vhost-attach-vring-worker", worker_id=7,
                    virtqueue=2).desc,
              "device 'disk' has no worker 7; see query-vhost-workers")
        equal(error("vhost-attach-vring-worker", worker_id=1,
                    virtqueue=6).desc,
              "device 'disk' has no virtqueue 6: it has 6")
        equal(error("vhost-get-vring-worker", virtqueue=6).desc,
              "device 'disk' has no virtqueue 6: it has 6")
        equal(error("vhost-free-worker", worker_id=0).desc,
              "worker 0 of device 'disk' serves virtqueues 0-2,4: attach them "
              "to another worker first")
        m.fake("fail NEW_WORKER 1 ENOMEM")
        assert "raise the thread limits" in error("vhost-new-worker").desc
        m.fake("get_worker_lies 1")
        assert "does not confirm" in error("vhost-attach-vring-worker",
                                           worker_id=1, virtqueue=2).desc
    with machine(fake="kernel=6.1") as m:
        equal(m.qmp().error("vhost-new-worker", id="disk").desc,
              "device 'disk': the kernel has no worker calls (Linux 6.5 or "
              "later is needed)")


def test_statistics_of_each_worker():
    with machine(workers=2) as m:
        qmp = m.qmp()
        schema, = qmp.cmd("query-stats-schemas", provider="vhost")
        equal((schema["provider"], schema["target"]), ("vhost", "vhost-worker"))
        results = qmp.cmd("query-stats", target="vhost-worker")
        equal([r["qom-path"] for r in results],
              [f"/machine/peripheral/disk/worker[{i}]" for i in (0, 1)])
        equal([s["name"] for s in results[0]["stats"]],
              [s["name"] for s in schema["stats"]])
        one, _ = qmp.cmd("query-stats", target="vhost-worker", providers=[
            {"provider": "vhost", "names": ["run-time"]}])
        equal([s["name"] for s in one["stats"]], ["run-time"])
        equal(qmp.cmd("query-stats", target="vhost-worker",
                      providers=[{"provider": "kvm"}]), [])
        equal(qmp.cmd("query-stats", target="vm",
                      providers=[{"provider": "vhost"}]), [])
        # The same by the monitor for people.
        text = qmp.hmp("info vhost-workers")
        assert text.startswith("disk: count (asked for: count)"), text
        assert "worker 1: virtqueues=3,5 thread_id=" in text, text
        assert "run-time (cumulative, ns)" in \
            qmp.hmp("info stats vhost-worker"), \
            qmp.hmp("info stats vhost-worker")


def test_changes_under_load_leave_nothing_behind():
    with machine(num_queues=8, workers=2) as m:
        qmp = m.qmp()
        fds = tasks = 0
        for i in range(200):
            made = qmp.cmd("vhost-new-worker", id="disk")["worker-id"]
            vq = 2 + i % 8
            qmp.cmd("vhost-attach-vring-worker", id="disk", virtqueue=vq,
                    worker_id=made)
            qmp.cmd("vhost-attach-vring-worker", id="disk", virtqueue=vq,
                    worker_id=i % 2)
            qmp.cmd("vhost-free-worker", id="disk", worker_id=made)
            qmp.events.clear()
            if i == 20:
                fds, tasks = m.count("fd"), m.count("task")
        # The count may have had one that was about to end.
        m.wait_for(lambda: m.count("task") <= tasks, "threads to end")
        equal(m.count("fd"), fds)
        equal(mapping(qmp), kernel_mapping(m, 10))


def test_a_slow_kernel_stalls_nobody():
    with Machine("-device", device(workers=2), fake="", monitors=2) as m:
        one, two = m.qmp(0), m.qmp(1)
        m.fake("block NEW_WORKER")
        one.send({"execute": "vhost-new-worker", "arguments": {"id": "disk"}})
        m.fake("wait blocked 1")
        for _ in range(20):
            equal(len(workers(two)), 2)
        m.fake("release")
        equal(one.reply(), {"return": {"worker-id": 2}})
        equal(len(workers(two)), 3)


main(globals())
