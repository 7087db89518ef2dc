#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes results.json, data for plot.gp and a table of targets of the figures
that the lab scenarios bench and guests print (console log on stdin). Only
ratios are told: the lab's absolute figures are those of an emulator.
usage: figures.py DIR KERNEL [smoke|part]
Exit status 1: a target is missed; with "smoke" only if figures lack; with
"part" not for what was not measured."""

import datetime
import json
import os
import pathlib
import platform
import statistics
import sys

# What is compared, and the least ratio.
TARGETS = {
    "scaling": ("per-virtqueue to legacy, 2 queues, depth 32", 1.9),
    "guest": ("guest's reads, legacy to QEMU 7.2", 1.0),
    "tool": ("vhost-scsi-bench to the least program", 0.97),
}


def read(lines):
    """Tuples of words by kind."""
    figures = {"point": [], "least": [], "guest": []}
    for line in lines:
        words = line.split()
        if len(words) > 2 and words[0] == "LAB-FIGURE" and words[1] in figures:
            figures[words[1]].append(words[2:])
    return figures


def spread(values):
    return {"median": round(statistics.median(values), 3),
            "least": round(min(values), 3), "most": round(max(values), 3),
            "rounds": len(values)}


def ratios(rows, base):
    """{key: spread} of rows (round, key, value), all to the median of
    base(key). A machine that is busy otherwise slows one round or another: a
    ratio of medians bears that better than one of each round."""
    values = {}
    for _, key, value in rows:
        values.setdefault(key, []).append(value)
    result = {}
    for key, found in values.items():
        other = statistics.median(values.get(base(key), [0]))
        if other:
            result[key] = spread([v / other for v in found])
    return result


def points(figures, column):
    """Of the points: (round, (queues, depth, mode), value)."""
    return [(p[0], (int(p[1]), int(p[2]), p[3]), float(p[column]))
            for p in figures["point"] if len(p) == 7]


def point_ratios(figures):
    def legacy(key):
        return (key[0], key[1], "legacy")

    iops, p99 = (ratios(points(figures, c), legacy) for c in (4, 6))
    return [{"queues": k[0], "depth": k[1], "workers": k[2],
             "iops-to-legacy": iops[k], "p99-to-legacy": p99[k]}
            for k in sorted(iops)]


def scaling(figures):
    """Each mode at depth 32 to legacy with one queue."""
    rows = [(r, k, v) for r, k, v in points(figures, 4) if k[1] == 32]
    found = ratios(rows, lambda key: (1, 32, "legacy"))
    return [{"queues": k[0], "workers": k[2], "iops-to-one-queue": found[k]}
            for k in sorted(found)]


def tool_ratios(figures):
    rows = []
    for r in figures["least"]:
        if len(r) == 6:
            rows += [(r[0], (r[3], "least"), float(r[4])),
                     (r[0], (r[3], "bench"), float(r[5]))]
    found = ratios(rows, lambda key: (key[0], "least"))
    return {key[0]: found[key] for key in found if key[1] == "bench"}


def warm_scaling(figures):
    """A worker for each queue to one worker, in the runs beside the least
    program: these follow a second of warming up, points do not."""
    rows = [(r[0], r[3], float(r[5])) for r in figures["least"]
            if len(r) == 6]
    return ratios(rows, lambda mode: "legacy").get("per-virtqueue")


def guest_ratios(figures):
    """To the median of QEMU's rounds."""
    speed, exits = {}, {}
    for r in figures["guest"]:
        if len(r) == 4:
            speed.setdefault(r[1], []).append(float(r[2]))
            exits.setdefault(r[1], []).append(float(r[3]) / 100)
    if "qemu" not in speed:
        return {}
    qemu = statistics.median(speed["qemu"])
    return {name: {"iops-to-qemu": spread([v / qemu for v in speed[name]]),
                   "exits-per-read": spread(exits[name])} for name in speed}


def verdicts(results):
    got = {}
    if results["warm-scaling"]:
        got["scaling"] = results["warm-scaling"]
    if "legacy" in results["guest"]:
        got["guest"] = results["guest"]["legacy"]["iops-to-qemu"]
    if results["tool"]:
        got["tool"] = min(results["tool"].values(),
                          key=lambda s: s["median"])
    return got


def print_points(results):
    print(f"\n{'to legacy, median (least-most)':34} {'throughput':>20} "
          f"{'p99 latency':>20}")
    for p in results["points"]:
        cells = [f"{s['median']:.2f} ({s['least']:.2f}-{s['most']:.2f})"
                 for s in (p["iops-to-legacy"], p["p99-to-legacy"])]
        if p["workers"] != "legacy":
            name = f"{p['queues']} queues, depth {p['depth']}, {p['workers']}"
            print(f"{name:34} {cells[0]:>20} {cells[1]:>20}")
    for name, g in results["guest"].items():
        s, e = g["iops-to-qemu"], g["exits-per-read"]
        print(f"guest, {name:27} {s['median']:.2f} of QEMU "
              f"({s['least']:.2f}-{s['most']:.2f}), exits per read "
              f"{e['median']:.2f}")


def print_targets(got, smoke, part):
    missed = 0
    print(f"\n{'target':46} {'ratio':>18} {'least':>6}")
    for key, (text, least) in TARGETS.items():
        s = got.get(key)
        if not s:
            print(f"{text:46} {'-':>18} {least:>6}  not measured")
            missed |= not (smoke or part)
            continue
        met = s["median"] >= least
        cell = f"{s['median']:.2f} ({s['least']:.2f}-{s['most']:.2f})"
        print(f"{text:46} {cell:>18} {least:>6}  "
              f"{'met' if met else 'MISSED'}")
        missed |= not met and not smoke
    return missed


def write_data(folder, results):
    """Columns for gnuplot: a block for each mode."""
    modes = list(dict.fromkeys(p["workers"] for p in results["points"]))

    def rows(name, items, mode, x, key):
        with open(folder / name, "a", encoding="ascii") as f:
            f.write(f"# {mode}\n")
            for p in items:
                if p["workers"] == mode:
                    s = p[key]
                    f.write(f"{p[x]} {s['median']} {s['least']} "
                            f"{s['most']}\n")
            f.write("\n\n")

    for name in ("queues.dat", "depth.dat", "latency.dat"):
        (folder / name).write_text("")
    two = [p for p in results["points"] if p["queues"] == 2]
    for mode in modes:
        rows("queues.dat", results["scaling"], mode, "queues",
             "iops-to-one-queue")
        rows("depth.dat", two, mode, "depth", "iops-to-legacy")
        rows("latency.dat", two, mode, "depth", "p99-to-legacy")


def machine():
    model = [line.split(":", 1)[1].strip() for line in
             pathlib.Path("/proc/cpuinfo").read_text().splitlines()
             if line.startswith("model name")]
    return {"cpu": model[0] if model else platform.machine(),
            "processors": os.cpu_count(), "kernel": platform.release(),
            "emulated-processors": 2}


def main():
    folder, kernel = pathlib.Path(sys.argv[1]), sys.argv[2]
    smoke, part = "smoke" in sys.argv[3:], "part" in sys.argv[3:]
    figures = read(sys.stdin)
    results = {
        "date": datetime.date.today().isoformat(), "machine": machine(),
        "kernel": kernel, "points": point_ratios(figures),
        "scaling": scaling(figures), "warm-scaling": warm_scaling(figures),
        "tool": tool_ratios(figures),
        "guest": guest_ratios(figures)}
    got = verdicts(results)
    results["targets"] = {
        key: {"ratio": got.get(key), "least": least, "what": text}
        for key, (text, least) in TARGETS.items()}
    (folder / "results.json").write_text(json.dumps(results, indent=1) + "\n")
    write_data(folder, results)
    print_points(results)
    missed = print_targets(got, smoke, part)
    if smoke and not ("scaling" in got and "tool" in got):
        print("figures lack: see the log")
        return 1
    return missed


if __name__ == "__main__":
    sys.exit(main())
