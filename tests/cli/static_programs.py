# SPDX-License-Identifier: GPL-2.0
"""A statically linked program that a program under Alpine starts: it says so and has no network, on no stack."""
import subprocess

from lab import alp
from runner import main

# Tries one socket of each family it is given, by number, and prints what errno says ("0": there is one).
SOURCE = """
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
int main(int argc, char** argv) {
    for (int i = 1; i < argc; i++) {
        errno = 0;
        socket(atoi(argv[i]), SOCK_DGRAM, 0);
        printf("%d ", errno);
    }
    return 0;
}
"""
UNIX, INET, INET6 = 1, 2, 10
ENETDOWN = 100
EXPECTED = "0 %d %d " % (ENETDOWN, ENETDOWN)
MESSAGE = "alpine: %s is statically linked and cannot run on the stack: it has no network\n"


def build(lab):
    subprocess.run(["gcc", "-static", "-o", lab.path("static"), lab.write("main.c", SOURCE, 0o644)], check=True)
    return [lab.path("static"), str(UNIX), str(INET), str(INET6)]


def check(done, program):
    assert done.stdout == EXPECTED, done.stdout
    assert done.stderr == MESSAGE % program, done.stderr


def test_started_by_a_shell(lab):
    command = build(lab)
    check(lab.run("a", alp("sh", "-c", '"$@"; exit $?', "sh", *command)), command[0])


def test_started_by_posix_spawn(lab):
    command = build(lab)
    check(lab.run("a", alp("python3", "-c", "import subprocess, sys; subprocess.run(sys.argv[1:], check=True)",
                           *command)), command[0])


def test_started_by_a_script(lab):
    command = build(lab)
    script = lab.write("script", "#!%s %d\n" % (command[0], UNIX), 0o755)
    done = lab.run("a", alp("env", script))
    assert done.stderr == MESSAGE % command[0], done.stderr


def test_without_alpine_in_its_environment_it_is_the_hosts(lab):
    command = build(lab)
    done = lab.run("a", alp("env", "-u", "LD_PRELOAD", *command))
    assert done.stdout == "0 0 0 " and done.stderr == "", done


main()
