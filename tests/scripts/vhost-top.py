#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""scripts/vhost-top against a /proc of files, a QMP server of a few lines, and
the shipped binary, whose workers are those of the stand-in for /dev/vhost-scsi.
usage: vhost-top.py BINARY
TAP on stdout."""

import contextlib
import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/qmp"))
import qemu  # noqa: E402
from qemu import TIMEOUT, WWPN, Machine, equal  # noqa: E402

TOP = [sys.executable, str(ROOT / "scripts/vhost-top")]
PID = 4242


class Proc:
    """A /proc with one process and such threads as a test asks for."""

    def __enter__(self):
        self.dir = pathlib.Path(tempfile.mkdtemp(prefix="vhost-top."))
        self.task(PID, PID, "qemu")
        return self

    def __exit__(self, *_):
        shutil.rmtree(self.dir, ignore_errors=True)

    def write(self, path, text):
        """At once, since it is being read."""
        path.parent.mkdir(parents=True, exist_ok=True)
        new = path.parent / "new"
        new.write_text(text)
        new.replace(path)

    def entry(self, path, comm, ppid=1, run=0, wait=0, switches=(0, 0)):
        fields = ["0"] * 50
        fields[0], fields[1] = "S", str(ppid)    # 3 and 4 of proc(5)
        fields[22 - 3], fields[39 - 3] = "777", "3"
        self.write(path / "stat", f"1 ({comm}) {' '.join(fields)}\n")
        self.write(path / "comm", f"{comm}\n")
        self.write(path / "schedstat", f"{run} {wait} 9\n")
        self.write(path / "status", f"Name:\t{comm}\nCpus_allowed_list:\t0-3\n"
                   f"voluntary_ctxt_switches:\t{switches[0]}\n"
                   f"nonvoluntary_ctxt_switches:\t{switches[1]}\n")

    def task(self, pid, tid, comm, **values):
        if pid == tid:
            self.entry(self.dir / str(pid), comm, **values)
        self.entry(self.dir / f"{pid}/task/{tid}", comm, **values)

    def args(self, *args):
        return ["--pid", str(PID), "--proc", str(self.dir), *args]


def top(*args, status=0):
    """What it prints."""
    done = subprocess.run([*TOP, *args], capture_output=True, text=True,
                          timeout=TIMEOUT, stdin=subprocess.DEVNULL)
    equal(done.returncode, status, f"exit status ({done.stderr})")
    return done.stderr if status else done.stdout


@contextlib.contextmanager
def running(*args):
    """The program, with .next() for the next object of --json."""
    process = subprocess.Popen([*TOP, "--json", "--interval", "0.05", *args],
                               stdout=subprocess.PIPE, text=True,
                               stdin=subprocess.DEVNULL)
    timer = threading.Timer(TIMEOUT, process.kill)
    timer.start()
    process.next = lambda: json.loads(process.stdout.readline())
    try:
        yield process
    finally:
        timer.cancel()
        process.kill()
        process.wait()
        process.stdout.close()


# --- a process in /proc ---

def test_pid_shows_the_threads_called_vhost():
    with Proc() as proc:
        proc.task(PID, 4243, "vhost-4242")
        proc.task(PID, 4244, "CPU 0/KVM")
        proc.task(PID, 4245, "vhost-4242")
        proc.task(99, 99, "vhost-99")
        lines = top(*proc.args("--once", "--interval", "0.05")).splitlines()
    equal(lines[0], f"vhost-top  process {PID}  2 workers  0.0 % CPU")
    equal(lines[2].split(), "TID NAME CPU% WAIT% SWITCH/S LAST CPUS".split())
    equal(lines[3].split(),
          "4243 vhost-4242 0.0 0.0 0.0 3 0-3".split())
    equal(lines[4].split()[0], "4245")


def test_rates_are_differences_per_second():
    with Proc() as proc:
        proc.task(PID, 4243, "vhost-4242", run=10**9, wait=5 * 10**8)
        with running(*proc.args()) as process:
            first = process.next()["workers"][0]
            proc.task(PID, 4243, "vhost-4242", run=10**9 + 20 * 10**6,
                      wait=5 * 10**8 + 10 * 10**6, switches=(30, 12))
            # The files are replaced one after the other.
            sums = {"cpu-percent": 0, "wait-percent": 0,
                    "switches-per-second": 0}
            worker = first
            while worker["switches"] != 42:
                sample = process.next()
                worker = sample["workers"][0]
                for key in sums:
                    sums[key] += worker[key] * sample["interval"]
    equal(first["cpu-percent"], 0)
    equal(worker["run-time-ns"], 10**9 + 20 * 10**6)
    for key, want in (("cpu-percent", 2.0), ("wait-percent", 1.0),
                      ("switches-per-second", 42)):
        assert abs(sums[key] - want) < 0.05, (key, sums[key])


def test_a_new_worker_has_no_rates_yet():
    with Proc() as proc:
        with running(*proc.args()) as process:
            equal(process.next()["workers"], [])
            proc.task(PID, 4243, "vhost-4242", run=10**12)
            workers = []
            while not workers:
                workers = process.next()["workers"]
    equal(workers[0]["cpu-percent"], None)


def test_kernel_threads_of_old_kernels_are_found():
    with Proc() as proc:
        proc.entry(proc.dir / "50", f"vhost-{PID}", ppid=2)
        proc.entry(proc.dir / "51", f"vhost-{PID}", ppid=PID)
        proc.entry(proc.dir / "52", "vhost-1", ppid=2)
        out = top(*proc.args("--once", "--json", "--interval", "0.05"))
    equal([w["tid"] for w in json.loads(out)["workers"]], [50])


def test_names_cannot_drive_the_terminal():
    with Proc() as proc:
        proc.task(PID, 4243, "vhost-\x1b[2J) S 1")
        out = top(*proc.args("--once", "--interval", "0.05"))
    assert "\x1b" not in out, repr(out)
    assert "vhost-?[2J) S 1" in out, out


def test_a_kernel_without_schedstat_has_no_shares():
    with Proc() as proc:
        proc.task(PID, 4243, "vhost-4242")
        (proc.dir / f"{PID}/task/4243/schedstat").unlink()
        out = top(*proc.args("--once", "--interval", "0.05"))
    equal(out.splitlines()[3].split(), "4243 vhost-4242 - - 0.0 3 0-3".split())


def test_it_ends_with_the_process():
    with Proc() as proc:
        with running(*proc.args()) as process:
            process.next()
            shutil.rmtree(proc.dir / str(PID))
            equal(process.wait(TIMEOUT), 0, "exit status")


def test_it_ends_when_the_number_is_another_process():
    with Proc() as proc:
        with running(*proc.args()) as process:
            process.next()
            stat = proc.dir / f"{PID}/stat"
            proc.write(stat, stat.read_text().replace("777", "778"))
            equal(process.wait(TIMEOUT), 0, "exit status")


def test_a_process_that_is_not_there_is_an_error():
    with Proc() as proc:
        err = top("--pid", "1", "--proc", str(proc.dir), status=1)
    equal(err, "vhost-top: there is no process 1, or it may not be looked "
               "at\n")


def test_interval_limits_are_checked():
    for value in ("0.04", "3601", "nan", "x"):
        assert "--interval" in top("--pid", "1", "--interval", value, status=2)


# --- QMP ---

class Server:
    """Answers one client: @workers() for query-vhost-workers, until it is
    None."""

    def __init__(self, answers, greeting=b'{"QMP": {}}\r\n'):
        self.dir = tempfile.mkdtemp(prefix="vhost-top.")
        self.path = f"{self.dir}/qmp"
        self.answers, self.greeting = answers, greeting
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.path)
        self.listener.listen()
        self.listener.settimeout(TIMEOUT)
        self.asked = []

    def serve(self):
        client, _ = self.listener.accept()
        client.settimeout(TIMEOUT)
        with client, client.makefile("rb") as lines:
            client.sendall(self.greeting)
            for line in lines:
                command = json.loads(line)["execute"]
                self.asked.append(command)
                answer = {"return": {}}
                if command == "query-vhost-workers":
                    answer = next(self.answers, None)
                if answer is None:
                    return
                data = b'{"event": "RESUME"}\r\n' + json.dumps(answer).encode()
                client.sendall(data[:20])  # in two pieces
                client.sendall(data[20:] + b"\r\n")

    def __enter__(self):
        self.thread = threading.Thread(target=self.serve)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.thread.join(TIMEOUT)
        self.listener.close()
        shutil.rmtree(self.dir)


def worker(number, queues, run, tid=100):
    return {"worker-id": number, "tid": tid + number, "name": "vhost-99",
            "virtqueues": [{"index": q, "role": "request"} for q in queues],
            "cpus": [0, 1, 2, 5], "policy": "other", "run-time-ns": run,
            "wait-time-ns": 0, "voluntary-switches": 1,
            "involuntary-switches": 2, "last-cpu": 1}


def answers(count):
    for i in range(count):
        yield {"return": [
            {"device": "disk0", "qom-path": "/machine/peripheral/disk0",
             "requested-mode": "auto", "effective-mode": "auto",
             "workers": [worker(0, [0, 1, 2, 3, 7], i * 10**6),
                         worker(1, [4], 0)]},
            {"qom-path": "/machine/unattached/device[3]",
             "requested-mode": "single", "effective-mode": "single",
             "workers": [worker(0, [0, 1, 2], 0, tid=0)]}]}


def test_qmp_shows_devices_and_queues():
    with Server(answers(2)) as server:
        out = top("--qmp", server.path, "--once", "--interval", "0.05")
    lines = [line.split() for line in out.splitlines()]
    equal(lines[2], "DEVICE WORKER TID NAME QUEUES CPU% WAIT% SWITCH/S LAST "
                    "CPUS".split())
    equal(lines[3][:5], ["disk0", "0", "100", "vhost-99", "0-3,7"])
    equal(lines[3][-2:], ["1", "0-2,5"])
    equal(lines[4][:5], ["disk0", "1", "101", "vhost-99", "4"])
    equal(lines[5][:4],
          ["/machine/unattached/device[3]", "0", "-", "vhost-99"])
    equal(server.asked, ["qmp_capabilities"] + ["query-vhost-workers"] * 2)


def test_qmp_as_json_has_modes_and_roles():
    with Server(answers(2)) as server:
        out = json.loads(top("--qmp", server.path, "--once", "--json",
                             "--interval", "0.05"))
    first = out["workers"][0]
    equal(first["effective-mode"], "auto")
    equal(first["virtqueues"][4], {"index": 7, "role": "request"})
    assert abs(first["cpu-percent"] * out["interval"] - 0.1) < 0.01, out


def test_qmp_that_closes_ends_it():
    with Server(answers(3)) as server, running("--qmp", server.path) as p:
        equal(p.wait(TIMEOUT), 0, "exit status")
        equal(len(p.stdout.readlines()), 2, "objects")


def test_qmp_without_the_command_says_so():
    error = {"error": {"class": "CommandNotFound", "desc": "no"}}
    with Server(iter([error])) as server:
        err = top("--qmp", server.path, "--once", status=1)
    assert "does not know query-vhost-workers: use --pid" in err, err


def test_what_is_no_qmp_is_refused():
    for greeting in (b"hello\n", b"[]\n", b"{}\n"):
        with Server(iter([]), greeting) as server:
            err = top("--qmp", server.path, status=1)
        assert "QMP" in err, err
    assert "cannot connect" in top("--qmp", "/nowhere", status=1)


# --- on a terminal ---

class Terminal:
    def __init__(self, *args):
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.execv(TOP[0], [*TOP, *args])
        self.text = ""

    def until(self, pattern):
        """Whether it was printed before the end."""
        end = time.monotonic() + TIMEOUT
        while not re.search(pattern, self.text):
            left = max(end - time.monotonic(), 0)
            if not select.select([self.fd], [], [], left)[0] or not left:
                raise AssertionError(f"no {pattern!r} in {self.text[-500:]!r}")
            try:
                self.text += os.read(self.fd, 65536).decode()
            except OSError:  # the other side is closed
                return False
        return True

    def status(self):
        self.until("(?!)")
        status = os.waitpid(self.pid, 0)[1]
        self.pid = 0
        return os.waitstatus_to_exitcode(status)

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind and self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.fd)


def test_terminal_is_drawn_in_place_and_left_as_it_was():
    for key in (b"q", b"\x03"):
        with Proc() as proc:
            proc.task(PID, 4243, "vhost-4242")
            with Terminal(*proc.args("--interval", "0.05")) as t:
                assert t.until(r"(?s)vhost-4242.*\x1b\[H.*vhost-4242"), t.text
                os.write(t.fd, key)
                equal(t.status(), 0, f"exit status at {key!r}")
        assert t.text.startswith("\x1b[?1049h"), repr(t.text)
        assert t.text.rstrip("^C").endswith("\x1b[?25h\x1b[?1049l"), \
            repr(t.text[-200:])


# --- the shipped binary ---

def adapter(*args):
    return Machine("-device", f"vhost-scsi-pci,wwpn={WWPN},num_queues=4,"
                   "worker_per_virtqueue=on", *args, fake="")


def test_pid_shows_the_workers_of_the_program():
    with adapter() as m:
        out = json.loads(top("--pid", str(m.process.pid), "--json", "--once",
                             "--interval", "0.05"))
        threads = os.listdir(f"/proc/{m.process.pid}/task")
    equal([w["name"] for w in out["workers"]],
          [f"vhost-{m.process.pid}"] * 4)
    assert {str(w["tid"]) for w in out["workers"]} < set(threads), out
    assert all(w["cpu-percent"] is not None for w in out["workers"]), out


def test_it_ends_with_the_program():
    with adapter() as m, running("--pid", str(m.process.pid)) as process:
        process.next()
        m.qmp().cmd("quit")
        m.wait()
        equal(process.wait(TIMEOUT), 0, "exit status")


def test_qmp_of_the_program():
    with adapter() as m:
        with contextlib.closing(m.qmp()) as qmp:
            known = {c["name"] for c in qmp.cmd("query-commands")}
        if "query-vhost-workers" in known:
            out = json.loads(top("--qmp", m.sockets[0], "--json", "--once",
                                 "--interval", "0.05"))
            equal(len(out["workers"]), 4, "number of workers")
        else:
            assert "use --pid" in top("--qmp", m.sockets[0], status=1)


def test_qmp_shows_devices_of_each_kind():
    with adapter("-device", "vhost-vsock-pci,id=vsock,guest-cid=42") as m:
        out = json.loads(top("--qmp", m.sockets[0], "--json", "--once",
                             "--interval", "0.05"))
        text = top("--qmp", m.sockets[0], "--once", "--interval", "0.05")
    equal([w["device"] for w in out["workers"]].count("vsock"), 1, "sockets")
    equal(len(out["workers"]), 5, "number of workers")
    assert re.search(r"^vsock +0 +\d+ +vhost-\d+ +0-1 ", text, re.M), text


# --- the manual ---

def test_options_are_in_the_manual_page():
    page = (ROOT / "docs/man/vhost-top.rst").read_text()
    documented = set(re.findall(r"^\.\. option:: (--?\w+)", page, re.M))
    equal(set(re.findall(r"(?:^|\s)(--?\w+)", top("--help"))) - {"-C"},
          documented, "options")


qemu.main(globals())
