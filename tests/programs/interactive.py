# SPDX-License-Identifier: GPL-2.0
"""nc and telnet under Alpine on a terminal: a typed line is answered while the connection stays open.

They wait for the terminal and the socket at once, with poll() and select().
"""
from lab import ADDRESS, alp
from programs import LINE_REVERSER, python
from runner import main
from terminal import Terminal
from unseen import check_unseen

PORT = 7000


def converse(terminal):
    for word in ("alpine", "segment", "window"):
        terminal.type(word + "\n")
        terminal.expect("<%s>" % word[::-1])


def test_nc_shows_the_answer_to_each_typed_line(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    terminal = Terminal(lab, "a", alp("nc", "-N", ADDRESS["b"], str(PORT)))
    converse(terminal)
    terminal.type("\x04")  # end of input; the server then closes
    assert terminal.wait() == 0


def test_nc_shows_the_answer_to_each_typed_line_over_udp(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    converse(Terminal(lab, "a", alp("nc", "-u", ADDRESS["b"], str(PORT))))


def test_nc_waits_for_a_connection_and_talks_with_it(lab):
    here = Terminal(lab, "a", alp("nc", "-n", "-v", "-l", str(PORT)))
    here.expect("Listening on")
    there = Terminal(lab, "b", ["nc", "-N", ADDRESS["a"], str(PORT)])
    here.expect("Connection received")
    for i in range(3):
        there.type("question %d\n" % i)
        here.expect("question %d\r\n" % i)
        here.type("answer %d\n" % i)
        there.expect("answer %d\r\n" % i)
    there.type("\x04")
    assert here.wait() == 0


def test_telnet_shows_the_answer_to_each_typed_line(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    terminal = Terminal(lab, "a", alp("telnet", ADDRESS["b"], str(PORT)))
    terminal.expect("Escape character is '^]'")
    converse(terminal)
    terminal.type("\x1d")
    terminal.expect("telnet>")
    terminal.type("status\n")
    terminal.expect("Connected to %s." % ADDRESS["b"])
    terminal.type("quit me\n")
    terminal.expect("<em tiuq>")
    terminal.type("\x1d")
    terminal.expect("telnet>")
    terminal.type("quit\n")
    terminal.expect("Connection closed.")
    assert terminal.wait() == 0


def test_telnet_ends_when_the_server_does(lab):
    lab.start_listener("b", python(LINE_REVERSER, PORT), PORT)
    terminal = Terminal(lab, "a", alp("telnet", ADDRESS["b"], str(PORT)))
    converse(terminal)
    terminal.type("bye\n")
    terminal.expect("Connection closed by foreign host.")
    terminal.wait()


main(check_unseen)
