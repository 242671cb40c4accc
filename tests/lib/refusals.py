# SPDX-License-Identifier: GPL-2.0
"""What a refusal must be: the right exit code, nothing on standard output, one line on standard error."""


def check_refusal(done, code, *words):
    lines = done.stderr.splitlines()
    assert done.returncode == code, (done.returncode, done.stderr)
    assert done.stdout == "", done.stdout
    assert len(lines) == 1, done.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])
