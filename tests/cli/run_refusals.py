# SPDX-License-Identifier: GPL-2.0
"""`alp run` when it cannot start: one line, exit 125 (or a shell's 126 and 127), and the program never runs."""
import os
import re
import shutil
import subprocess

from lab import BUILD, REPO, alp
from programs import python
from refusals import check_refusal
from runner import lab_options, main

CANNOT_START, CANNOT_RUN, NOT_FOUND = 125, 126, 127


def refused(lab, code, command, *words, **options):
    check_refusal(lab.run("a", command, check=False, **options), code, *words)


@lab_options(daemon=False)
def test_daemon_not_running(lab):
    refused(lab, CANNOT_START, alp("echo", "ran"), "alpined")


def test_unknown_stack(lab):
    refused(lab, CANNOT_START, alp("echo", "ran", options=["--stack", "linux-0.99"]), "linux-0.99", "linux-6.12")


def test_unknown_option(lab):
    refused(lab, CANNOT_START, ["alp", "run", "--no-such-option", "--", "echo", "ran"], "--no-such-option")


def test_unknown_wire(lab):
    refused(lab, CANNOT_START, alp("echo", "ran", options=["--wire", "string"]), "string")


def test_malformed_sysctl(lab):
    refused(lab, CANNOT_START, alp("echo", "ran", options=["--sysctl", "net.ipv4.ip_forward"]), "NAME=VALUE")


def test_too_little_memory(lab):
    refused(lab, CANNOT_START, alp("echo", "ran", options=["--memory", "1K"]), "--memory")


def test_malformed_busy_poll(lab):
    refused(lab, CANNOT_START, alp("echo", "ran", options=["--busy-poll", "long"]), "--busy-poll")


def test_no_program_given(lab):
    refused(lab, CANNOT_START, ["alp", "run"], "program")


def test_program_not_found(lab):
    refused(lab, NOT_FOUND, alp("no-such-program"), "no-such-program")


def test_program_not_executable(lab):
    refused(lab, CANNOT_RUN, alp(lab.write("data", "text", 0o644)), "data")


def test_static_program(lab):
    source = lab.write("main.c", "int main(void) { return 0; }\n", 0o644)
    subprocess.run(["gcc", "-static", "-o", lab.path("static"), source], check=True)
    refused(lab, CANNOT_START, alp(lab.path("static")), "statically linked")


def test_stack_image_missing(lab):
    os.mkdir(lab.path("lib"))
    os.chmod(lab.path("lib"), 0o755)
    shutil.copy(os.path.join(BUILD, "lib", "libalpine.so"), lab.path("lib"))
    refused(lab, CANNOT_START, alp("echo", "ran"), "./dev build", env={"ALPINE_LIBDIR": lab.path("lib")})


def test_library_missing(lab):
    refused(lab, CANNOT_START, alp("echo", "ran"), "libalpine.so", env={"ALPINE_LIBDIR": lab.tmp})


def test_file_that_is_no_stack_image(lab):
    image = lab.write("not-an-image.so", "not an image at all\n")
    opens_a_socket = python("import socket; socket.socket(); print('ran')")
    refused(lab, CANNOT_START, alp(*opens_a_socket, options=["--stack", image]), image)


def test_stack_image_of_another_abi_version(lab):
    # struct alpine_stack_image begins with its magic and its version (abi/stack.h).
    with open(os.path.join(BUILD, "lib", "alpine", "stack-linux-6.12.so"), "rb") as file:
        image = file.read()
    with open(os.path.join(REPO, "abi", "stack.h")) as file:
        version = int(re.search(r"#define ALPINE_STACK_ABI_VERSION (\d+)", file.read())[1])
    begin = b"SPLA" + version.to_bytes(4, "little")
    at = image.find(begin)
    assert at >= 0 and image.find(begin, at + 1) < 0, "one description of the image"
    with open(lab.path("other.so"), "wb") as file:
        file.write(image[:at + 4] + b"\x63\0\0\0" + image[at + 8:])
    opens_a_socket = python("import socket; socket.socket(); print('ran')")
    refused(lab, CANNOT_START, alp(*opens_a_socket, options=["--stack", lab.path("other.so")]), "version")


main()
