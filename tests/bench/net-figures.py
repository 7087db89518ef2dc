#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Prints a table of the figures of the lab scenario netturns (console log on
stdin): medians, and ratios to QEMU with the interval of figures.py.
usage: net-figures.py [smoke]
Exit status 1: a target is missed; with "smoke" only if figures lack."""

import statistics
import sys

import figures

TESTS = {"out": "iperf3 to the host, Mbit/s",
         "in": "iperf3 from the host, Mbit/s",
         "trips": "requests and answers of a byte, one at a time, 1/s"}
SCALE = {"out": 1000, "in": 1000, "trips": 1}


def read(lines):
    """{test: {contender: [(rate, packets, exits, mmio exits)]}}."""
    found = {test: {} for test in TESTS}
    for line in lines:
        words = line.split()
        if words[:2] == ["LAB-FIGURE", "net"] and len(words) == 8:
            found[words[3]].setdefault(words[2], []).append(
                tuple(map(float, words[4:])))
    return found


def rate(turn):
    return turn[0]


def exits(turn):
    return turn[2] / turn[1]


def registers(turn):
    return turn[3] / turn[1]


def row(text, turns, value, unit=1, most=False):
    """Whether the target is missed: at least, or with @most at most, what
    QEMU has."""
    ours, qemu = (list(map(value, turns.get(name, [])))
                  for name in ("ours", "qemu"))
    cells = [f"{statistics.median(v) / unit:.2f}" if v else "-"
             for v in (qemu, ours)]
    told, verdict = "-", "not judged"
    if qemu and sum(qemu):
        s = figures.with_interval(
            [list(zip(ours, qemu))],
            lambda some: sum(p for p, _ in some) / sum(q for _, q in some))
        told = figures.interval(s)
        verdict = figures.judge(s, 1.0)
        if most:
            verdict = ("met" if s["ratio"] <= 1 else
                       "not decided" if s["low"] <= 1 else "MISSED")
    print(f"{text:52} {cells[0]:>9} {cells[1]:>9} {told:>18} "
          f"{'<=' if most else '>='} 1.0  {verdict}")
    return verdict == "MISSED"


def main():
    smoke = "smoke" in sys.argv[1:]
    found = read(sys.stdin)
    if not all(turns.get("ours") and (smoke or turns.get("qemu"))
               for turns in found.values()):
        print("figures lack: see the log")
        return 1
    print(f"\n{'':52} {'QEMU':>9} {'ours':>9} {'ratio':>18}")
    missed = False
    for test, turns in found.items():
        missed |= row(TESTS[test], turns, rate, SCALE[test])
        missed |= row("  exits per packet", turns, exits, most=True)
        row("  of these to the VMM", turns, registers, most=True)
    return int(missed and not smoke)


if __name__ == "__main__":
    sys.exit(main())
