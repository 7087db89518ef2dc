#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""vhost-scsi-bench on the stand-in: every mode for a second, the shape of its
JSON, its sentences and exit status. How fast it is is not looked at.
usage: bench.py PROGRAM PRELOAD
TAP on stdout."""

import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "python"))
from fakevhost import fake_command
from tap import equal, finish, report

TIMEOUT = 120  # seconds of each run; only a defect needs them
WWPN = "naa.5001405bd1f60000"
PROGRAM, PRELOAD = sys.argv[1:3]
SOURCES = pathlib.Path(__file__).resolve().parents[2]
ENV = {**os.environ, "LD_PRELOAD": PRELOAD}


def run(*args, fake="", preload=True):
    env = {**ENV, "FAKE_VHOST": fake}
    if not preload:
        env.pop("LD_PRELOAD")
    return subprocess.run([PROGRAM, *args], capture_output=True, text=True,
                          env=env, timeout=TIMEOUT, check=False)


def measured(name, *args, fake=""):
    """A run that must be good; its JSON."""
    r = run("--wwpn", WWPN, "--warmup", "0", "--seconds", "1", "--json", "-",
            *args, fake=fake)
    equal(f"{name}: status 0", r.returncode, 0)
    try:
        return json.loads(r.stdout)
    except ValueError as e:
        report(False, f"{name}: JSON", f"{e}\n{r.stdout}{r.stderr}")
        return {"config": {}, "result": {}, "workers": [], "samples": []}


NUMBER = (int, float)
SHAPE = {
    "config": {"wwpn": str, "tpgt": int, "lun": int, "queues": int,
               "depth": int, "jobs": int, "workers": str, "block-size": int,
               "rw": str, "pattern": str, "seconds": int, "warmup": int,
               "idle": int, "version": str, "kernel": str},
    "result": {"requests": int, "seconds": NUMBER, "iops": NUMBER,
               "mib-per-second": NUMBER, "latency-us": dict,
               "worker-cpu-percent": NUMBER, "errors": int, "lost": int,
               "mismatches": int, "moves": int, "interrupted": bool},
}


def check_shape(name, figures):
    for part, members in SHAPE.items():
        got = figures.get(part, {})
        wrong = [k for k, t in members.items()
                 if not isinstance(got.get(k), t)]
        equal(f"{name}: members of {part}", (wrong, set(got) - set(members)),
              ([], set()))
    latency = figures["result"].get("latency-us", {})
    equal(f"{name}: latencies", list(latency),
          ["mean", "p50", "p90", "p99", "p99.9", "max"])
    values = [latency.get(k, -1)
              for k in ("p50", "p90", "p99", "p99.9", "max")]
    equal(f"{name}: latencies in order", values, sorted(values))
    report(figures["samples"] and all(
        set(s) == {"ms", "workers", "done"} for s in figures["samples"]),
        f"{name}: samples", figures["samples"])


def good(name, figures):
    result = figures["result"]
    report(result.get("requests", 0) > 0, f"{name}: requests were done")
    equal(f"{name}: none failed or lost",
          [result.get(k) for k in ("errors", "lost", "mismatches")],
          [0, 0, 0])


def test_modes():
    modes = {"legacy": ["0-5"], "per-virtqueue": ["0-2", "3", "4", "5"],
             "2": ["0-2,4", "3,5"],
             '[{"vqs": [3]}, {"vqs": [0, 1, 2]}]': ["0-1,5", "2-4"]}
    for mode, queues in modes.items():
        figures = measured(mode, "--queues", "4", "--depth", "4", "--workers",
                           mode)
        check_shape(mode, figures)
        good(mode, figures)
        equal(f"{mode}: workers", [w["virtqueues"] for w in
                                   figures["workers"]], queues)


def test_auto():
    figures = measured("auto", "--queues", "2", "--workers", "auto", "--idle",
                       "1")
    good("auto", figures)
    check_shape("auto", figures)
    report(1 <= len(figures["workers"]) <= 2, "auto: one worker or two")
    done = [s["done"] for s in figures["samples"]]
    equal("auto: nothing is done in the idle part", done[-1], done[-2])
    figures = measured("auto on one processor", "--queues", "2", "--workers",
                       "auto", "--worker-cpus", "0")
    equal("auto on one processor: one worker",
          {s["workers"] for s in figures["samples"]}, {1})
    r = run("--wwpn", WWPN, "--queues", "2", "--workers", "auto", "--seconds",
            "1", "--warmup", "0", "--trace", "vhost_worker_auto_*")
    report(r.returncode == 0 and
           "vhost_worker_auto_sample bench ns=" in r.stderr,
           "auto: --trace tells what it reads", r.stderr)


def test_io():
    for name, args in {
            "write": ["--rw", "write", "--destroy-data"],
            "sequential": ["--pattern=sequential", "--block-size=64k"],
            "jobs share a queue": ["--queues", "2", "--jobs", "5", "--depth",
                                   "3"],
            "queues without a job": ["--queues", "4", "--jobs", "1"],
            "second LUN": ["--lun", "1"],
            "checked data": ["--rw", "verify", "--destroy-data"],
            "processors": ["--worker-cpus", "0"]}.items():
        good(name, measured(name, *args, fake="lun=4M,lun=4M"))


def test_moves():
    figures = measured("moves", "--queues", "3", "--workers", "2", "--rw",
                       "verify", "--destroy-data", "--moves", "1000")
    good("moves under checked data", figures)
    equal("moves: all were done", figures["result"].get("moves"), 1000)


def test_old_kernel():
    figures = measured("kernel 6.1", "--queues", "2", "--workers",
                       "per-virtqueue", fake="kernel=6.1")
    good("kernel 6.1", figures)
    equal("kernel 6.1: one worker", len(figures["workers"]), 1)


REFUSED = [
    ([], "--wwpn is required: the name of a LIO vhost target"),
    (["--queue", "2"], "unknown option '--queue'; did you mean 'queues'?"),
    (["x"], "unknown option 'x'; --help lists them"),
    (["--seconds"], "--seconds takes an argument"),
    (["--help=1"], "--help takes no argument"),
    (["--rw", "erase"], "--rw cannot be 'erase': one of read, write, verify "
     "is expected"),
    (["--rw", "write"], "--rw write overwrites the LUN: confirm with "
     "--destroy-data"),
    (["--workers", "many"], "--workers cannot be 'many': legacy, "
     "per-virtqueue, auto, a number from 1 to 1024, or a list "
     "[{\"vqs\": [0]}, ...] is expected"),
    (["--workers", "auto", "--moves", "1"], "--moves and --workers auto "
     "exclude each other: auto moves queues itself"),
    (["--moves", "1"], "--moves needs a device with at least two workers: "
     "see --workers"),
    (["--depth", "1024", "--jobs", "2"], "--depth 1024 with 2 jobs on 1 "
     "queues is 2048 requests in one queue: at most 1024 are possible"),
    (["--depth", "1024", "--queues", "2", "--block-size", "1M"], "--depth, "
     "--jobs and --block-size come to 2048 MiB in flight: at most 1024 are "
     "possible"),
    (["--block-size", "1000"], "--block-size cannot be 1000: the LUN has "
     "blocks of 512 bytes, of which a multiple is expected"),
    (["--tpgt", "2"], f"target '{WWPN}' has no portal group 2 or no LUN 0: "
     "see --tpgt and --lun"),
    (["--trace", "vhost_auto"], "--trace: no trace point is called "
     "'vhost_auto'; qemu-system-x86_64 -trace help lists them"),
    (["--json", "/nowhere/x", "--seconds", "1"], "--json: Failed to create"),
]
LIMITS = {"queues": (1, 1024), "depth": (1, 1024), "jobs": (1, 1024),
          "block-size": (512, 1048576), "seconds": (1, 86400),
          "warmup": (0, 86400), "idle": (0, 86400), "moves": (0, 1000000),
          "lun": (0, 16383), "tpgt": (0, 255)}


def refused(args, message):
    wwpn = ["--wwpn", WWPN] if args else []
    r = run(*wwpn, "--warmup", "0", *args) if args else run()
    name = " ".join(args) or "nothing"
    equal(f"{name}: status 1", r.returncode, 1)
    report(r.stderr.startswith(f"vhost-scsi-bench: {message}") and
           r.stderr.count("\n") == 1, f"{name}: one sentence", r.stderr)


def test_refused():
    for args, message in REFUSED:
        refused(args, message)
    for option, (least, most) in LIMITS.items():
        for value in {max(least - 1, -1), most + 1}:
            refused([f"--{option}", str(value)],
                    f"--{option} cannot be '{value}': a number from {least} "
                    f"to {most} is expected")
    r = run("--wwpn", WWPN, "--seconds", "1", "--warmup", "0",
            fake="target=naa.5001405bd1f60001")
    report(r.returncode == 1 and "naa.5001405bd1f60000" in r.stderr,
           "a target that is not there is refused by name", r.stderr)
    for option in ("--help", "--version"):
        equal(f"{option}: status 0", run(option).returncode, 0)


def has_job(pid):
    """Whether the process has a thread that makes requests."""
    for tid in os.listdir(f"/proc/{pid}/task"):
        with contextlib.suppress(OSError):  # threads end
            comm = pathlib.Path(f"/proc/{pid}/task/{tid}/comm")
            if comm.read_text() == "job\n":
                return True
    return False


def wait_for_job(pid, there=True):
    """Until there is one, or none."""
    deadline = time.monotonic() + TIMEOUT
    while has_job(pid) != there:
        assert time.monotonic() < deadline, f"jobs: {has_job(pid)}"
        time.sleep(0.01)


def test_signal():
    for number in (signal.SIGINT, signal.SIGTERM):
        with tempfile.TemporaryDirectory() as home:
            path = os.path.join(home, "x.json")
            with subprocess.Popen(
                    [PROGRAM, "--wwpn", WWPN, "--seconds", "1000", "--json",
                     path], env=ENV, stdout=subprocess.DEVNULL) as p:
                wait_for_job(p.pid)
                p.send_signal(number)
                equal(f"{number.name}: status 0", p.wait(TIMEOUT), 0)
            with open(path, encoding="utf-8") as f:
                equal(f"{number.name}: what was measured is told",
                      json.load(f)["result"]["interrupted"], True)


def test_lost():
    """A backstore that hangs: what was in flight is lost, and all jobs end
    although nothing wakes them."""
    with tempfile.TemporaryDirectory() as home:
        control = os.path.join(home, "fake")
        with subprocess.Popen(
                [PROGRAM, "--wwpn", WWPN, "--seconds", "1000", "--jobs", "3",
                 "--depth", "4", "--json", "-"],
                env={**ENV, "FAKE_VHOST_CONTROL": control}, text=True,
                stdout=subprocess.PIPE) as p:
            wait_for_job(p.pid)
            fake_command(control, "hold")
            fake_command(control, "wait held 12")
            p.send_signal(signal.SIGINT)
            wait_for_job(p.pid, there=False)
            # The end waits for the kernel, as CLEAR_ENDPOINT does.
            fake_command(control, "unhold")
            figures = json.loads(p.communicate(timeout=TIMEOUT)[0])
            equal("lost requests: status 1", p.returncode, 1)
    equal("lost requests: all are told", figures["result"]["lost"], 12)


def test_manual():
    """Every option stands in the manual page, and no other."""
    page = (SOURCES / "docs/man/vhost-scsi-bench.rst").read_text()
    documented = set(re.findall(r"^\.\. option:: (--[\w-]+)", page, re.M))
    have = set(re.findall(r"^  (--[\w-]+)", run("--help").stdout, re.M))
    equal("options and manual page", documented, have)


def main():
    test_modes()
    test_auto()
    test_io()
    test_moves()
    test_old_kernel()
    test_refused()
    test_signal()
    test_lost()
    test_manual()
    return finish()


if __name__ == "__main__":
    sys.exit(main())
