#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The wire of QMP: greeting, negotiation, ids, errors, cut and joined requests,
what is no JSON, limits, clients that leave, several monitors.
usage: wire.py BINARY [TEST...]"""

import json
import socket
import subprocess

from qemu import BINARY, Machine, equal, main

REQUEST_MAX = 1 << 20   # QMP_REQUEST_MAX of monitor/monitor.h
DEPTH_MAX = 64          # QMP_DEPTH_MAX


def nested(depth):
    """A request whose deepest value is @depth levels down."""
    return b'{"execute":"query-status","id":' + b"[" * (depth - 1) + \
        b"]" * (depth - 1) + b"}\n"


def syntax_error(answer):
    equal(answer["error"]["class"], "GenericError")
    assert answer["error"]["desc"].startswith("JSON parse error"), answer
    assert "id" not in answer, answer


def still_works(qmp):
    equal(qmp.cmd("query-status")["status"], "running")


def test_greeting_names_version_and_capabilities():
    with Machine() as m:
        qmp = m.qmp()
        version = qmp.greeting["QMP"]["version"]
        equal(version, qmp.cmd("query-version"))
        equal(qmp.greeting["QMP"]["capabilities"], [])


def test_nothing_before_negotiation():
    with Machine() as m:
        qmp = m.qmp(negotiate=False)
        qmp.recv()
        e = qmp.error("query-status")
        equal(e.cls, "CommandNotFound")
        equal(e.desc, "Expecting capabilities negotiation with "
                      "'qmp_capabilities'")
        equal(qmp.cmd("qmp_capabilities"), {})
        still_works(qmp)
        equal(qmp.error("qmp_capabilities").cls, "CommandNotFound")


def test_capability_that_there_is_not():
    with Machine() as m:
        qmp = m.qmp(negotiate=False)
        qmp.recv()
        qmp.error("qmp_capabilities", enable=["oob"])
        equal(qmp.error("query-name").cls, "CommandNotFound")
        qmp.cmd("qmp_capabilities", enable=[])


def test_id_is_echoed_whatever_it_is():
    with Machine() as m:
        qmp = m.qmp()
        for ident in ("x", 7, -1, 1.5, None, True, [1, [2]], {"a": {}},
                      "\u20ac\n\"\\\u0001"):
            qmp.send({"execute": "query-name", "id": ident})
            answer = qmp.reply()
            assert "id" in answer, ident
            equal(answer["id"], ident)
        qmp.send({"execute": "query-name"})
        assert "id" not in qmp.reply()
        qmp.send({"execute": "nonsense", "id": "x"})
        equal(qmp.reply()["id"], "x")


def test_requests_in_one_write_are_answered_in_order():
    with Machine() as m:
        qmp = m.qmp()
        qmp.send(b"".join(b'{"execute":"query-name","id":%d}' % i
                          for i in range(500)))
        equal([qmp.reply()["id"] for _ in range(500)], list(range(500)))


def test_request_in_single_bytes():
    with Machine() as m:
        qmp = m.qmp()
        for byte in b'\r\n  {"execute" : "query-name",\n\t"id":"\\u20ac"}':
            qmp.send(bytes([byte]))
        equal(qmp.reply(), {"return": {}, "id": "\u20ac"})


def test_utf8_is_kept_and_bad_utf8_refused():
    with Machine("-name", "gäst €") as m:
        qmp = m.qmp()
        equal(qmp.cmd("query-name"), {"name": "gäst €"})
        qmp.send('{"execute":"query-name","id":"€"}'.encode())
        equal(qmp.reply()["id"], "€")
        qmp.send(b'{"execute":"query-name","id":"\xff\xfe"}\n')
        syntax_error(qmp.reply())
        still_works(qmp)


def test_what_is_no_json_gets_an_error():
    with Machine() as m:
        qmp = m.qmp()
        for garbage in (b"hello", b"{", b"}", b"{]", b'{"execute"', b'"\0"',
                        b"{'execute': 'query-name'", b"[NaN]", b"\xff", b"\0",
                        b'{"execute":"query-name",}', b"tru", b"0x10"):
            # A star cannot follow anything, should that be incomplete.
            qmp.send(garbage + b"\n*\n" + b'{"execute":"query-name","id":1}')
            answers = [qmp.reply()]
            while "id" not in answers[-1]:
                answers.append(qmp.reply())
            equal(answers.pop(), {"return": {}, "id": 1})
            assert 1 <= len(answers) <= 3, (garbage, answers)
            for answer in answers:
                equal(answer["error"]["class"], "GenericError")


def test_request_behind_what_is_no_json_is_answered():
    good = b'{"execute":"query-name","id":1}'
    cases = (
        # An error each, and then the answer, in whatever pieces they come.
        (b"\xff", 1), (b"\xff\xff", 2), (b"% ", 1), (b"\x01", 1), (b"\0", 1),
        (b"@@ @", 1), (b"}", 1), (b"]", 1), (b"hello ", 1), (b"nul ", 1),
        (b'{"a":1]', 1), (b"[1,]", 1), (b'{"execute":"query-name",}', 1),
        (b'{"execute":"query-name"\xff', 1), (b'{"exec\xff', 1),
        (b'{"id":"\xfe"}', 1), (b'{"id":"\xc3"}', 1), (b"\xc3", 1),
        (b"\xf0\x9f\x98", 1), (b'"\xe2\x82"', 1), (b'"a\n"', 1), (b'{"id":"\xff\xfe"}\n', 1), (b'{"id":"\\q{"}', 1), (b'{"a" @ ', 1),
        (b'{"a"\0:1}', 1), (b'{"execute":\xff\n', 1), (b'{"x": {"y":]]}}', 1),
        # A request within one that is refused is none.
        (b'{"a": bad, "b": {"execute":"quit"}, "c": "}{"}', 1),
        (b'[nope, {"execute":"quit"}]', 1),
    )
    with Machine() as m:
        qmp = m.qmp()
        for garbage, errors in cases:
            for data in ([garbage + good + b"\n"],
                         [bytes([b]) for b in garbage + good + b"\n"]):
                for part in data:
                    qmp.send(part)
                answers = [qmp.reply() for _ in range(errors + 1)]
                equal(answers.pop(), {"return": {}, "id": 1}, garbage)
                for answer in answers:
                    syntax_error(answer)


def test_read_that_ends_within_a_character():
    with Machine() as m:
        qmp = m.qmp()
        for part in (b'{"id":"\xc3', b"\xc3", b'"\xe2\x82', b"\xf0\x9f"):
            qmp.send(part)
            qmp.send(b"\n")
            syntax_error(qmp.reply())
            still_works(qmp)


def test_character_that_a_read_cuts():
    with Machine(monitors=2) as m:
        qmp, other = m.qmp(), m.qmp(1)
        for cut in range(1, 5):
            name = "\u00e9\u20ac\U0001f4be".encode()
            request = b'{"execute":"query-name","id":"' + name + b'"}'
            at = request.index(name) + len(name) - cut
            qmp.send(request[:at])
            # Once the second is answered the main loop has read the part.
            still_works(other)
            still_works(other)
            qmp.send(request[at:])
            equal(qmp.reply().get("id"), name.decode())


def test_json_that_is_no_request():
    with Machine() as m:
        qmp = m.qmp()
        cases = (
            (b"[]", "QMP input must be a JSON object"),
            (b"1 ", "QMP input must be a JSON object"),
            (b'"x"', "QMP input must be a JSON object"),
            (b"null ", "QMP input must be a JSON object"),
            (b"{}", "QMP input lacks member 'execute'"),
            (b'{"execute":1}', "QMP input member 'execute' must be a string"),
            (b'{"execute":"stop","arguments":[]}',
             "QMP input member 'arguments' must be an object"),
            (b'{"execute":"stop","argument":{}}',
             "QMP input member 'argument' is unexpected"),
        )
        for request, desc in cases:
            qmp.send(request)
            equal(qmp.reply()["error"],
                  {"class": "GenericError", "desc": desc}, request)
        still_works(qmp)


def test_depth_at_and_above_the_limit():
    with Machine() as m:
        qmp = m.qmp()
        qmp.send(nested(DEPTH_MAX))
        assert "return" in qmp.reply()
        qmp.send(nested(DEPTH_MAX + 1))
        syntax_error(qmp.reply())
        still_works(qmp)


def test_length_at_and_above_the_limit():
    with Machine() as m:
        qmp = m.qmp()
        head, tail = b'{"execute":"query-name","id":"', b'"}'
        fill = b"x" * (REQUEST_MAX - len(head) - len(tail))
        qmp.send(head + fill + tail)
        equal(len(qmp.reply()["id"]), len(fill))
        before = m.resident_kib()
        qmp.send(head + fill + b"x" + tail + b"\n")
        syntax_error(qmp.reply())
        # Far more without an end costs nothing.
        chunk = b"y" * 65536
        qmp.send(b'{"id":"')
        for _ in range(16 * REQUEST_MAX // len(chunk)):
            qmp.send(chunk)
        qmp.send(b"\n")
        syntax_error(qmp.reply())
        still_works(qmp)
        grown = m.resident_kib() - before
        assert grown < 8192, f"{grown} KiB more"


def test_errors_of_arguments_in_qemus_words():
    with Machine() as m:
        qmp = m.qmp()
        cases = (
            ("qom-list", {}, "Parameter 'path' is missing"),
            ("qom-list", {"path": 1},
             "Invalid parameter type for 'path', expected: string"),
            ("query-name", {"x": 1}, "Parameter 'x' is unexpected"),
            ("set-action", {"reboot": "x"},
             "Parameter 'reboot' does not accept value 'x'"),
            ("query-stats", {"target": "vm", "providers": [{}]},
             "Parameter 'providers[0].provider' is missing"),
            ("migrate-set-capabilities", {"capabilities": {}},
             "Invalid parameter type for 'capabilities', expected: array"),
        )
        for name, args, desc in cases:
            equal(qmp.execute(name, args)["error"]["desc"], desc, name)
        e = qmp.error("no-such-command")
        equal((e.cls, e.desc), ("CommandNotFound",
                                "The command no-such-command has not been "
                                "found"))


def test_client_leaves_and_the_next_begins_anew():
    with Machine() as m:
        fds = None
        for i in range(50):
            qmp = m.qmp()
            if i % 2:
                qmp.send(b'{"execute":"query-qmp-schema"}' * 20 + b'{"exec')
            qmp.close()
            qmp = m.qmp(negotiate=False)
            assert "QMP" in qmp.recv()
            equal(qmp.error("query-name").cls, "CommandNotFound")
            qmp.close()
            if i == 10:
                fds = m.count("fd")
        last = m.qmp()
        still_works(last)
        assert m.count("fd") <= fds + 1


def test_client_that_half_closes_is_answered_or_let_go():
    with Machine() as m:
        qmp = m.qmp()
        qmp.send({"execute": "query-name"})
        qmp.reply()
        qmp.sock.shutdown(socket.SHUT_WR)
        equal(qmp.recv_line(), None)
        still_works(m.qmp())


def test_client_that_never_reads_costs_little_and_stops_nobody():
    with Machine(monitors=2) as m:
        lazy, busy = m.qmp(0), m.qmp(1)
        lazy.sock.settimeout(0.2)
        lazy.sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 16)
        before = m.resident_kib()
        sent = 0
        try:
            while sent < 64 << 20:
                sent += lazy.sock.send(b'{"execute":"query-qmp-schema"}\n'
                                       * 1000)
        except TimeoutError:
            pass
        assert sent < 64 << 20, "everything was taken"
        for _ in range(3000):        # events for it, too
            busy.cmd("stop")
            busy.cmd("cont")
            busy.events.clear()
        grown = m.resident_kib() - before
        # Of that AddressSanitizer alone was seen to hold back 4 MiB.
        assert grown < 8192, f"{grown} KiB more"
        m.wait_for(lambda: "the client does not read" in m.stderr(),
                   "the warning")
        # What it asked for is there when it begins to read.
        lazy.sock.settimeout(60)
        assert len(lazy.reply()["return"]) > 100
        lazy.close()
        m.qmp(0)


def test_every_monitor_gets_events_after_negotiation_only():
    with Machine(monitors=3) as m:
        one, two = m.qmp(0), m.qmp(1)
        early = m.qmp(2, negotiate=False)
        early.recv()
        one.cmd("stop")
        for qmp in (one, two):
            event = qmp.event("STOP")
            assert set(event["timestamp"]) == {"seconds", "microseconds"}
            assert 0 <= event["timestamp"]["microseconds"] < 1000000
        equal(early.error("query-name").cls, "CommandNotFound")
        equal(len(early.events), 0)


def test_event_comes_before_the_answer():
    with Machine() as m:
        qmp = m.qmp()
        for command, event in (("stop", "STOP"), ("cont", "RESUME")):
            qmp.cmd(command)
            equal([e["event"] for e in qmp.events], [event])
            qmp.events.clear()


def test_64_monitors_at_once():
    n = 64
    with Machine(monitors=n) as m:
        clients = [m.qmp(i) for i in range(n)]
        for i, qmp in enumerate(clients):
            qmp.send({"execute": "query-status", "id": i})
        equal([qmp.reply()["id"] for qmp in clients], list(range(n)))
        clients[0].cmd("stop")
        for qmp in clients:
            qmp.event("STOP")
        equal(len(clients[0].cmd("query-chardev")), n)


def test_stdin_and_stdout_as_monitor():
    out = subprocess.run(
        [BINARY, "-accel", "qtest", "-display", "none", "-nodefaults",
         "-qmp-pretty", "stdio"], timeout=60, check=True, capture_output=True,
        input=b'{"execute":"qmp_capabilities"}{"execute":"query-status"}'
              b'{"execute":"quit"}').stdout
    decoder, objects, text = json.JSONDecoder(), [], out.decode().lstrip()
    assert '\n  "' in text, "it is not indented"
    while text:
        obj, end = decoder.raw_decode(text)
        objects.append(obj)
        text = text[end:].lstrip()
    equal([list(o)[0] for o in objects if "event" not in o],
          ["QMP", "return", "return", "return"])


def test_client_socket_connects_out():
    listener = socket.socket(socket.AF_UNIX)
    with Machine() as helper:
        path = f"{helper.dir}/listen"
        listener.bind(path)
        listener.listen(1)
        with Machine("-qmp", f"unix:{path}") as m:
            connection, _ = listener.accept()
            connection.settimeout(60)
            connection.sendall(b'{"execute":"qmp_capabilities"}\n')
            data = b""
            while data.count(b"\n") < 2:
                data += connection.recv(4096)
            equal([list(json.loads(x))[0] for x in data.splitlines()],
                  ["QMP", "return"])
            connection.close()
            m.qmp()


main(globals())
