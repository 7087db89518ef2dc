# SPDX-License-Identifier: GPL-2.0-or-later
"""TAP for scripts that check one thing after the other."""

results = []


def report(ok, name, detail=""):
    results.append(ok)
    print(f"{'ok' if ok else 'not ok'} {len(results)} - {name}", flush=True)
    if not ok:
        for line in str(detail).splitlines():
            print(f"# {line[:300]}", flush=True)


def equal(name, got, expected):
    report(got == expected, name, f"got:      {got!r}\nexpected: {expected!r}")


def finish():
    """The plan; returns the exit status."""
    print(f"1..{len(results)}")
    return 0 if all(results) else 1
