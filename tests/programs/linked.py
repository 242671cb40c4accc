# SPDX-License-Identifier: GPL-2.0
"""Programs linked with libalpine.a: the example of docs/linking.md, built by the lines that stand there."""
import os
import re
import shutil
import subprocess

from lab import ADDRESS, BUILD, REPO
from programs import PYTHON
from runner import main

PORT = 7000
IMAGE = "lib/alpine/stack-linux-6.12.so"

# greeter.py PORT FILE: answers a connection's line with it and the peer's port, once FILE is there.
GREETER = """
import os, socket, sys, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("0.0.0.0", int(sys.argv[1])))
listener.listen()
print("ready", flush=True)
while True:
    link, peer = listener.accept()
    stream = link.makefile("rw")
    line = stream.readline()
    print(peer[1], flush=True)
    while line and not os.path.exists(sys.argv[2]):
        time.sleep(0.02)
    stream.write("port %d said %s" % (peer[1], line))
    stream.flush()
    stream.close()
    link.close()
"""


def blocks(language):
    """The fenced blocks of the page in that language."""
    page = open(os.path.join(REPO, "docs", "linking.md")).read()
    return re.findall("^```%s\n(.*?)^```" % language, page, re.M | re.S)


def line_with(word):
    lines = [block.strip() for block in blocks("sh") if word in block]
    assert len(lines) == 1, (word, lines)
    return lines[0]


class Workshop:
    """A folder in which the page's lines mean what they mean in the repository's."""

    def __init__(self, lab):
        self.path = lab.path("workshop")
        os.mkdir(self.path)
        os.symlink(BUILD, os.path.join(self.path, "build"))
        self.write("greet.c", blocks("c")[0])

    def write(self, name, text):
        with open(os.path.join(self.path, name), "w") as file:
            file.write(text)

    def run(self, line):
        done = subprocess.run(line, shell=True, cwd=self.path, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=60)
        assert done.returncode == 0, (line, done.stderr)
        return done


def start(lab, command):
    """The program as the tests' user, who may see the build folder elsewhere: alp's own location tells."""
    find_image = 'ALPINE_STACK="$(dirname "$(command -v alp)")/../%s" exec "$@"' % IMAGE
    return lab.start("a", ["sh", "-c", find_image, "sh", *command], stdout=subprocess.PIPE)


def check_on_stack(lab, program):
    """The program's connection is the stack's, not the host's, and works."""
    release = lab.path("release")
    if os.path.exists(release):
        os.unlink(release)
    server = lab.start("b", [PYTHON, "-c", GREETER, str(PORT), release], stdout=subprocess.PIPE)
    assert server.stdout.readline() == "ready\n"
    client = start(lab, [program, ADDRESS["b"], str(PORT)])
    port = server.stdout.readline().strip()
    stacks = lab.run("a", ["alp", "ps"], user=False).stdout
    assert port in stacks and str(client.pid) in stacks, (port, client.pid, stacks)
    seen_by_host = lab.run("a", ["ss", "-Htn", "dport = :%d" % PORT], user=False).stdout
    assert seen_by_host == "", seen_by_host
    lab.write("release", "")
    assert client.stdout.read() == "port %s said hello\n" % port, open(client.log).read()
    assert client.wait(10) == 0
    lab.stop(server)


def test_the_example_of_the_page(lab):
    workshop = Workshop(lab)
    workshop.run(line_with("gcc -o greet greet.c -Wl"))
    check_on_stack(lab, os.path.join(workshop.path, "greet"))


def test_linked_by_the_driver_of_c_plus_plus(lab):
    workshop = Workshop(lab)
    workshop.run("gcc -c greet.c")
    workshop.run(line_with("g++ -o greet"))
    check_on_stack(lab, os.path.join(workshop.path, "greet"))


def test_linked_by_what_pkg_config_says(lab):
    workshop = Workshop(lab)
    workshop.run(line_with("pkg-config --libs"))
    check_on_stack(lab, os.path.join(workshop.path, "greet"))


def test_calls_of_a_shared_library_are_caught(lab):
    """All socket calls in a library of its own; the program only calls into it."""
    workshop = Workshop(lab)
    workshop.run("gcc -shared -fPIC -Dmain=greet -o libgreet.so greet.c")
    workshop.write("greet.c", "int greet(int, char **);\nint main(int c, char **v) { return greet(c, v); }\n")
    workshop.run(line_with("gcc -o greet greet.c -Wl") + " -L. -lgreet -Wl,-rpath," + workshop.path)
    check_on_stack(lab, os.path.join(workshop.path, "greet"))


def test_the_image_beside_the_program_is_found(lab):
    workshop = Workshop(lab)
    workshop.run(line_with("gcc -o greet greet.c -Wl"))
    os.mkdir(os.path.join(workshop.path, "alpine"))
    shutil.copy(os.path.join(BUILD, IMAGE), os.path.join(workshop.path, "alpine"))
    refused = lab.run("a", [os.path.join(workshop.path, "greet"), ADDRESS["b"], "9"], check=False)
    # The host's kernel on b answers with a reset; that the stack ran to hear it is what matters.
    assert refused.returncode == 1 and refused.stderr == ADDRESS["b"] + ": Connection refused\n", refused.stderr


def test_a_fully_static_program_says_that_it_cannot(lab):
    workshop = Workshop(lab)
    workshop.run(line_with("gcc -o greet greet.c -Wl") + " -static")
    done = lab.run("a", ["env", "ALPINE_STACK=" + os.path.join(BUILD, IMAGE), os.path.join(workshop.path, "greet"),
                         ADDRESS["b"], str(PORT)], check=False)
    lines = done.stderr.splitlines()
    assert done.returncode == 125 and len(lines) == 1 and lines[0].startswith("alpine: "), done.stderr


main()
