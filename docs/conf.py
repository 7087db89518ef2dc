# SPDX-License-Identifier: GPL-2.0-or-later
# Sphinx 5.3 (Debian 12), nothing but what comes with it.

import pathlib
import re
import sys

_root = pathlib.Path(__file__).resolve().parent.parent

project = "qemu-system-x86_64 for vhost-scsi"
author = "The project's maintainers"
copyright = "the project's authors, GPL-2.0-or-later"
version = release = re.search(
    r"version: '([^']+)'", (_root / "meson.build").read_text()).group(1)

master_doc = "index"
exclude_patterns = ["Thumbs.db", ".DS_Store"]
extensions = []
nitpicky = True
highlight_language = "none"
# "--" and quotes stand in commands; they must be copied as they are.
smartquotes = False

html_theme = "alabaster"
html_title = f"{project} {version}"
html_show_sourcelink = False
html_copy_source = False
html_sidebars = {"**": ["globaltoc.html", "searchbox.html"]}
html_theme_options = {
    "description": f"Version {version}",
    "fixed_sidebar": True,
    "page_width": "64rem",
}

man_pages = [
    ("man/qemu-system-x86_64", "qemu-system-x86_64",
     "a KVM machine whose disks are LUNs of the kernel's vhost-scsi",
     [author], 1),
    ("man/vhost-top", "vhost-top",
     "a live table of vhost worker threads", [author], 1),
    ("man/vhost-scsi-bench", "vhost-scsi-bench",
     "measure a target of the kernel's vhost-scsi and its workers",
     [author], 1),
]


def _insert_reference(app, docname, source):
    """The QMP reference is made of the schema."""
    if docname == "interop/qmp-reference":
        sys.path.insert(0, str(_root / "qapi"))
        import gen  # qapi/gen.py
        source[0] = gen.manual(gen.Schema(
            _root / "qapi" / f"{name}.json" for name in
            ("machine", "run-state", "device", "virtio", "monitor")))


def setup(app):
    sys.dont_write_bytecode = True
    app.connect("source-read", _insert_reference)
