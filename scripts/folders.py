# SPDX-License-Identifier: GPL-2.0-or-later
"""The table of folders in meson.build, for the scripts that read it."""

import pathlib
import re

ROOT = pathlib.Path(__file__).resolve().parent.parent

# Folder, layer, what it needs of its own layer and why.
ROW = re.compile(r"^  \['([\w/]+)', (\d+), \{(.*?)\}, ", re.M)


def read_folders():
    """Of each folder its layer and the folders of that layer that it needs."""
    text = (ROOT / "meson.build").read_text()
    return {name: (int(layer), re.findall(r"'([\w/]+)': '[^']+'", needs))
            for name, layer, needs in ROW.findall(text)}


def folder_of(name, folders):
    """accel/kvm is that of accel/kvm/x.c and of include/accel/kvm-y.h, and of
    what KVM has for a target: the two call each other."""
    path = re.sub(r"^target/\w+/kvm", "accel/kvm", name.removeprefix("include/"))
    return next((f for f in folders if re.match(f"{f}[/.-]", path)), None)
