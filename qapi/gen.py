#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Turns the schema of QMP (qapi/*.json) into the tables of include/qapi/schema.h
or into the reference page of the manual.
usage: gen.py c|rst OUTPUT SCHEMA...

A schema file is a list of entries, each with a "doc":
  section     a heading of the manual
  command     name; "arguments", "returns", "features", "open" (further arguments
              are allowed), "blocks" (it may wait for the host's kernel)
  event       name; "data"
  struct      name; "members"; "open" (further members are allowed)
  enum        name; "values": word -> meaning
  alternate   name; "types"
Members are NAME: [TYPE, MEANING], with "*" before the name of an optional one;
a TYPE is a builtin, a name, or [TYPE] for a list of it."""

import json
import pathlib
import sys

# name -> JSON type as query-qmp-schema shows it
BUILTINS = {
    "str": "string", "int": "int", "number": "number", "bool": "boolean",
    "size": "int", "int8": "int", "int16": "int", "int32": "int",
    "int64": "int", "uint8": "int", "uint16": "int", "uint32": "int",
    "uint64": "int", "any": "value",
}
KINDS = ("section", "command", "event", "struct", "enum", "alternate")


def fail(message):
    sys.exit(f"gen.py: {message}")


class Schema:
    def __init__(self, paths):
        self.entries = []
        self.types = {}          # name -> entry, in order of definition
        for path in paths:
            for entry in json.loads(pathlib.Path(path).read_text()):
                self.add(path, entry)
        self.used = {}           # name of every type that is needed -> None
        for e in self.entries:
            self.check(e)

    def add(self, path, entry):
        kinds = [k for k in KINDS if k in entry]
        if len(kinds) != 1 or not entry.get("doc"):
            fail(f"{path}: an entry needs one kind and a doc: {entry}")
        entry["kind"] = kinds[0]
        entry["name"] = entry[kinds[0]]
        self.entries.append(entry)
        if kinds[0] in ("struct", "enum", "alternate"):
            if entry["name"] in self.types or entry["name"] in BUILTINS:
                fail(f"type {entry['name']} is defined twice")
            self.types[entry["name"]] = entry

    def use(self, name, where):
        if name.startswith("["):
            self.use(name[1:-1], where)
        elif name not in BUILTINS and name not in self.types:
            fail(f"{where}: there is no type {name}")
        self.used[name] = None

    def check(self, e):
        where = e["name"]
        for key in ("arguments", "members", "data"):
            for member, (type_name, doc) in e.get(key, {}).items():
                if not doc:
                    fail(f"{where}: member {member} has no doc")
                self.use(type_name, where)
        if "returns" in e:
            self.use(e["returns"], where)
        for type_name in e.get("types", []):
            self.use(type_name, where)
        for word, doc in e.get("values", {}).items():
            if not doc:
                fail(f"{where}: value {word} has no doc")

    def of_kind(self, kind):
        return [e for e in self.entries if e["kind"] == kind]


def members_of(e):
    for key in ("arguments", "members", "data"):
        if key in e:
            return e[key]
    return {}


class Tables:
    """The C text: flat arrays that refer to each other by address."""

    def __init__(self, schema):
        self.schema = schema
        self.types = []          # rows
        self.index = {}          # type name -> row
        self.members = []
        self.strings = []        # of enums, features; NULL at each end
        self.pointers = []       # types of alternates; NULL at each end

    def type_ref(self, name):
        return f"&qapi_types[{self.index[name]}]"

    def add_members(self, e):
        first = len(self.members)
        for name, (type_name, _) in members_of(e).items():
            self.members.append((name.lstrip("*"), type_name,
                                 name.startswith("*")))
        return first, len(self.members) - first

    def add_words(self, words):
        first = len(self.strings)
        self.strings += [json.dumps(w) for w in words] + ["NULL"]
        return f"&qapi_strings[{first}]"

    def object_row(self, name, e):
        first, n = self.add_members(e)
        row = f'.name = "{name}", .kind = QAPI_OBJECT'
        if n:
            row += f", .members = &qapi_members[{first}], .n_members = {n}"
        if e.get("open"):
            row += ", .open = true"
        self.index[name] = len(self.types)
        self.types.append(row)

    def type_row(self, name):
        e = self.schema.types.get(name)
        if e and e["kind"] == "struct":
            self.object_row(name, e)
            return
        if name in BUILTINS:
            row = (f'.name = "{name}", .kind = QAPI_BUILTIN, '
                   f'.json_type = "{BUILTINS[name]}"')
        elif name.startswith("["):
            row = f'.name = "{name}", .kind = QAPI_ARRAY'
        elif e["kind"] == "enum":
            row = (f'.name = "{name}", .kind = QAPI_ENUM, '
                   f'.values = {self.add_words(e["values"])}')
        else:
            first = len(self.pointers)
            self.pointers += e["types"] + [None]
            row = (f'.name = "{name}", .kind = QAPI_ALTERNATE, '
                   f'.alternatives = &qapi_alternatives[{first}]')
        self.index[name] = len(self.types)
        self.types.append(row)

    def build(self):
        names = list(self.schema.used)
        for name in names + [t for t in self.schema.types
                             if t not in self.schema.used]:
            self.type_row(name)
        for e in self.schema.of_kind("command") + self.schema.of_kind("event"):
            if members_of(e) or e.get("open"):
                self.object_row(self.implicit(e), e)
        # Elements of arrays, now that every type has its place.
        for name in names:
            if name.startswith("["):
                self.types[self.index[name]] += \
                    f", .element = {self.type_ref(name[1:-1])}"

    @staticmethod
    def implicit(e):
        suffix = "arg" if e["kind"] == "command" else "data"
        return f"{e['name']}-{suffix}"

    def command_row(self, e):
        row = f'.name = "{e["name"]}"'
        if members_of(e) or e.get("open"):
            row += f", .arg = {self.type_ref(self.implicit(e))}"
        if "returns" in e:
            row += f', .ret = {self.type_ref(e["returns"])}'
        if e.get("blocks"):
            row += ", .blocks = true"
        if "features" in e:
            row += f', .features = {self.add_words(e["features"])}'
        return row

    def text(self):
        self.build()
        out = ["/* Made by qapi/gen.py from the schema. */",
               '#include "qapi/schema.h"', ""]

        def array(head, rows):
            out.append(head + " = {")
            out.extend(f"    {r}," for r in rows)
            out.append("};")
            out.append("")

        def braced(rows):
            return ["{ " + r + " }" for r in rows]

        commands = braced(self.command_row(e) for e in
                          sorted(self.schema.of_kind("command"),
                                 key=lambda e: e["name"]))
        events = braced(
            f'.name = "{e["name"]}"' +
            (f", .data = {self.type_ref(self.implicit(e))}"
             if members_of(e) else "")
            for e in sorted(self.schema.of_kind("event"),
                            key=lambda e: e["name"]))
        array("static const char *const qapi_strings[]",
              self.strings or ["NULL"])
        out.append(f"static const QapiMember "
                   f"qapi_members[{max(len(self.members), 1)}];")
        out.append(f"static const QapiType *const "
                   f"qapi_alternatives[{max(len(self.pointers), 1)}];")
        out.append("")
        array("const QapiType qapi_types[]",
              braced(self.types) + ["{ .name = NULL }"])
        array("static const QapiMember qapi_members[]", braced(
            f'"{n}", {self.type_ref(t)}, {"true" if o else "false"}'
            for n, t, o in self.members) or ["{ NULL, NULL, false }"])
        array("static const QapiType *const qapi_alternatives[]",
              [self.type_ref(p) if p else "NULL" for p in self.pointers]
              or ["NULL"])
        array("const QapiCommand qapi_commands[]",
              commands + ["{ .name = NULL }"])
        array("const QapiEvent qapi_events[]", events + ["{ .name = NULL }"])
        return "\n".join(out)


def kind_prefix(e):
    """Labels are not case-sensitive: an event may be called as a command."""
    return f"{e['kind']}-" if e["kind"] in ("command", "event") else ""


def type_text(name):
    return f"list of {type_text(name[1:-1])}" if name.startswith("[") else name


def member_lines(members, types):
    for name, (type_name, doc) in members.items():
        base = type_name.strip("[]")
        shown = type_text(type_name)
        if base in types:
            shown = shown.replace(base, f":ref:`{base} <qapi-{base}>`")
        else:
            shown = shown.replace(base, f"``{base}``")
        optional = ", optional" if name.startswith("*") else ""
        yield f"* ``{name.lstrip('*')}`` ({shown}{optional}): {doc}"


def manual(schema):
    out = [".. SPDX-License-Identifier: GPL-2.0-or-later",
           ".. Made by qapi/gen.py from the schema.", "",
           "QMP reference", "=============", "",
           "Every command and event of the machine protocol, from the schema "
           "that also checks their",
           "arguments and answers ``query-qmp-schema``. How the protocol works "
           "is told in :doc:`qmp`.", ""]

    def entry(title, e):
        out.extend(["", f".. _qapi-{kind_prefix(e)}{e['name']}:", "", title,
                    "~" * len(title), "", e["doc"], ""])

    for e in schema.entries:
        name = e["name"]
        if e["kind"] == "section":
            out.extend(["", name, "-" * len(name), "", e["doc"], ""])
            continue
        entry({"command": f"Command ``{name}``", "event": f"Event ``{name}``",
               "struct": f"Object {name}", "enum": f"Enumeration {name}",
               "alternate": f"Alternate {name}"}[e["kind"]], e)
        lines = list(member_lines(members_of(e), schema.types))
        if lines:
            out.extend([{"command": "Arguments:", "event": "Data:"}.get(
                e["kind"], "Members:"), ""] + lines + [""])
        if e.get("open") and e["kind"] == "command":
            out.extend(["Further arguments are allowed.", ""])
        if "returns" in e:
            first = list(member_lines({"": (e["returns"], "")},
                                      schema.types))[0]
            out.extend(["Returns: " +
                        first.removeprefix("* ```` (").removesuffix("): "), ""])
        for word, doc in e.get("values", {}).items():
            out.append(f"* ``{word}``: {doc}")
        if "types" in e:
            out.append("One of: " + ", ".join(
                f"``{type_text(t)}``" for t in e["types"]))
    return "\n".join(out) + "\n"


def main():
    kind, output, *paths = sys.argv[1:]
    schema = Schema(paths)
    text = Tables(schema).text() if kind == "c" else manual(schema)
    pathlib.Path(output).write_text(text)


if __name__ == "__main__":
    main()
