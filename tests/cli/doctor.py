# SPDX-License-Identifier: GPL-2.0
"""`alp doctor` finds what is lacking and names the command that mends it."""
from runner import lab_options, main


def test_all_is_well_where_the_tests_run(lab):
    done = lab.run("a", ["alp", "doctor"], check=False)
    assert done.returncode == 0, done.stdout
    assert "LACK" not in done.stdout


@lab_options(daemon=False)
def test_names_the_daemon_when_it_does_not_run(lab):
    done = lab.run("a", ["alp", "doctor"], check=False)
    assert done.returncode == 1
    lacking = [line for line in done.stdout.splitlines() if line.startswith("LACK")]
    assert len(lacking) == 1 and "alpined" in lacking[0], done.stdout
    assert "mend with: sudo " in done.stdout


def test_names_a_missing_library_and_stack(lab):
    done = lab.run("a", ["alp", "doctor"], check=False, env={"ALPINE_LIBDIR": lab.tmp})
    assert done.returncode == 1
    lacking = [line for line in done.stdout.splitlines() if line.startswith("LACK")]
    assert len(lacking) == 2, done.stdout
    assert done.stdout.count("mend with: ./dev build") == 2, done.stdout


main()
