#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes results.json, data for plot.gp and a table of targets of the figures
that the lab scenarios guests, turns, levels and bench print (console log on stdin).
Only ratios are told: the lab's absolute figures are those of an emulator.
usage: figures.py DIR KERNEL [smoke|part]
Exit status 1: a target is missed; with "smoke" only if figures lack; with
"part" not for what was not measured."""

import datetime
import json
import os
import pathlib
import platform
import random
import re
import statistics
import sys

# What is compared, and the least ratio.
TARGETS = {
    "scaling": ("a worker per queue to one worker, 2 queues, depth 128", 1.9),
    "guest": ("guest's reads, one worker, to QEMU 7.2", 1.0),
    "tool": ("vhost-scsi-bench to the least program", 0.97),
    "auto": ("auto to the better of one worker and two, any load", 0.95),
}

RESAMPLES = 2000
CONFIDENCE = 0.9
LEVELS = 5  # the depths of scenario levels, and the guest
LEVEL_MS = 500  # of a number of workers, least
SETTLED_MS = 20000  # when the first trials of workers=auto are over


def read(lines):
    """Tuples of words by kind. Rounds of another boot are other rounds."""
    figures = {"point": [], "turn": [], "level": []}
    boot = 0
    for line in lines:
        words = line.split()
        boot += words[:1] == ["LAB-BOOT"]
        if len(words) > 2 and words[0] == "LAB-FIGURE" and words[1] in figures:
            figures[words[1]].append([(boot, words[2]), *words[3:]])
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
    """Each mode at depth 32 to legacy with one queue, for the plot."""
    rows = [(r, k, v) for r, k, v in points(figures, 4) if k[1] == 32]
    found = ratios(rows, lambda key: (1, 32, "legacy"))
    return [{"queues": k[0], "workers": k[2], "iops-to-one-queue": found[k]}
            for k in sorted(found)]


def turns(figures):
    """{name: {round: [growth per second]}}: of the counters of its turns.
    What only a number at its end tells apart ("qemu-1", "qemu-2") is one kind:
    the mean of all."""
    found = {}
    for number, name, us, *growth in figures["turn"]:
        kind = re.sub(r"-[0-9]+$", "", name)
        found.setdefault(kind, {}).setdefault(number, []).append(
            [float(g) / float(us) * 1e6 for g in growth])
    return {kind: {number: [statistics.mean(rates) for rates in zip(*several)]
                   for number, several in rounds.items()}
            for kind, rounds in found.items()}


def with_interval(boots, ratio):
    """ratio(items of all boots), and an interval by drawing boots, and the
    items of each, anew: the ratio is in it with CONFIDENCE. Draws of which
    there is no ratio do not count."""
    draw = random.Random(1)

    def again(items):
        return draw.choices(items, k=len(items))

    drawn = [ratio([item for boot in again(boots) for item in again(boot)])
             for _ in range(RESAMPLES)]
    cuts = statistics.quantiles([d for d in drawn if d],
                                n=round(2 / (1 - CONFIDENCE)))
    return {"ratio": round(ratio(sum(boots, [])), 3),
            "low": round(cuts[0], 3), "high": round(cuts[-1], 3)}


def turn_ratio(all_turns, name, base):
    """Of what was done in all turns of both."""
    a, b = all_turns.get(name, {}), all_turns.get(base, {})
    boots = {}
    for number in filter(b.get, a):
        boots.setdefault(number[0], []).append((a[number][0], b[number][0]))

    def ratio(some):
        return sum(p for p, _ in some) / sum(q for _, q in some)

    return {**with_interval(list(boots.values()), ratio),
            "turns": len(sum(boots.values(), []))} if boots else None


def level_seconds(samples):
    """Of each second of a run of workers=auto, once the first trials are over:
    requests and ms of all of it, and by the number of workers where that did
    not change."""
    found = {}
    parsed = [tuple(map(int, s.split(":"))) for s in samples]
    for (ms, workers, done), (then, after, total) in zip(parsed, parsed[1:]):
        if ms < SETTLED_MS:
            continue
        second = found.setdefault(ms // 1000, {})
        for key in ["all"] + ([workers] if workers == after else []):
            requests, time = second.get(key, (0, 0))
            second[key] = (requests + total - done, time + then - ms)
    return list(found.values())


def level_ratio(seconds):
    """Of what was done to what the better number of workers does. None: there
    was but one number, and nothing to compare with."""
    sums = {}
    for second in seconds:
        for key, (requests, ms) in second.items():
            old = sums.get(key, (0, 0))
            sums[key] = (old[0] + requests, old[1] + ms)
    rates = {key: requests / ms for key, (requests, ms) in sums.items()
             if ms >= LEVEL_MS}
    return rates.pop("all") / max(rates.values()) if len(rates) > 2 else None


def levels(figures):
    """Of each load, over all boots."""
    found = {}
    for _, load, *samples in figures["level"]:
        found.setdefault(load, []).append(level_seconds(samples))
    return [{"load": load, **with_interval(boots, level_ratio)}
            for load, boots in found.items() if level_ratio(sum(boots, []))]


def tool_ratios(all_turns):
    """Of each mode, and of both together."""
    modes = ("legacy", "per-virtqueue")
    both = {f"{kind}-all": {(boot, n, mode): rates for mode in modes
                            for (boot, n), rates in
                            all_turns.get(f"{kind}-{mode}", {}).items()}
            for kind in ("tool", "least")}
    found = {mode: turn_ratio({**all_turns, **both}, f"tool-{mode}",
                              f"least-{mode}") for mode in (*modes, "all")}
    return {mode: found[mode] for mode in found if found[mode]}


def guest_ratios(all_turns):
    """To QEMU's two guests; auto to the one that it took turns with."""
    result = {}
    for mode, base in (("legacy", "guest-qemu"),
                       ("per-virtqueue", "guest-qemu"),
                       ("auto", "guest-other")):
        ratio = turn_ratio(all_turns, f"guest-{mode}", base)
        if ratio:
            result[mode] = {"reads-to-qemu": ratio}
    for mode in [*result, "qemu"] if result else []:
        rounds = all_turns[f"guest-{mode}"].values()
        result.setdefault(mode, {})["exits-per-read"] = round(
            sum(r[1] for r in rounds) / sum(r[0] for r in rounds), 2)
    return result


def verdicts(results):
    got = {}
    if results["per-virtqueue-to-legacy"]:
        got["scaling"] = results["per-virtqueue-to-legacy"]
    if "legacy" in results["guest"]:
        got["guest"] = results["guest"]["legacy"]["reads-to-qemu"]
    if "all" in results["tool"]:
        got["tool"] = results["tool"]["all"]
    if len(results["auto-to-better"]) == LEVELS:
        got["auto"] = min(results["auto-to-better"], key=lambda s: s["ratio"])
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
    for s in results["auto-to-better"]:
        name = f"auto, {s['load']}"
        print(f"{name:34} {interval(s)} of the better number of workers")
    for name, g in results["guest"].items():
        s = g.get("reads-to-qemu")
        told = f"{interval(s)} of QEMU, " if s else ""
        print(f"guest, {name:27} {told}exits per read "
              f"{g['exits-per-read']:.2f}")


def interval(s):
    return f"{s['ratio']:.2f} ({s['low']:.2f}-{s['high']:.2f})"


def judge(s, least):
    """A target that lies within the interval is neither met nor missed: to
    tell needs more turns."""
    if s["ratio"] >= least:
        return "met"
    return "not decided" if s["high"] >= least else "MISSED"


def print_targets(got, smoke, part):
    missed = 0
    print(f"\n{'target':53} {'ratio':>18} {'least':>6}")
    for key, (text, least) in TARGETS.items():
        s = got.get(key)
        if not s:
            print(f"{text:53} {'-':>18} {least:>6}  not measured")
            missed |= not (smoke or part)
            continue
        verdict = judge(s, least)
        print(f"{text:53} {interval(s):>18} {least:>6}  {verdict}")
        missed |= verdict == "MISSED" and not smoke
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
    all_turns = turns(figures)
    results = {
        "date": datetime.date.today().isoformat(), "machine": machine(),
        "kernel": kernel, "points": point_ratios(figures),
        "scaling": scaling(figures),
        "per-virtqueue-to-legacy": turn_ratio(
            all_turns, "tool-per-virtqueue", "tool-legacy"),
        "tool": tool_ratios(all_turns), "guest": guest_ratios(all_turns),
        "auto-to-better": levels(figures)}
    got = verdicts(results)
    results["targets"] = {
        key: {"least": least, "what": text, **(got.get(key) or {})}
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
