#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a testlog.json of meson says, for scripts/run-checks: a line
"test NAME<tab>RESULT" per test, and behind each that failed lines
"why TEXT": its subtests that failed, or the end of what it printed.
usage: test-results.py LOG"""

import json
import sys

LINES = 16  # of each failure: enough for the end of a traceback


def failed_subtests(lines):
    """Each "not ok" of TAP and the end of the comments that explain it."""
    found = []
    for i, line in enumerate(lines):
        if line.startswith("not ok"):
            rest = lines[i + 1:]
            end = next((n for n, r in enumerate(rest) if not r.startswith("#")),
                       len(rest))
            found += [line, *rest[:end][-LINES:]]
    return found


def main():
    with open(sys.argv[1], encoding="utf-8") as log:
        tests = [json.loads(line) for line in log]
    for test in tests:
        print(f"test {test['name']}\t{test['result']}")
        if test["result"] in ("OK", "EXPECTEDFAIL", "SKIP"):
            continue
        out = test.get("stdout", "").splitlines()
        errors = test.get("stderr", "").splitlines()
        for line in (failed_subtests(out) or out[-LINES:]) + errors[-LINES:]:
            print(f"why {line}")


main()
