# SPDX-License-Identifier: GPL-2.0
"""A shell script under Alpine whose curls, each a process, stand in pipes: fifty at once and one after the other."""
from lab import ADDRESS, alp
from nginx import nginx_command
from payload import make_file
from runner import main
from unseen import check_unseen

PORT = 8080
CURLS = 50
ALL_AT_ONCE = """
url=$1 folder=$2
for i in $(seq {count}); do
    curl -sS --fail "$url/file$i" | tee "$folder/got$i" | sha256sum | cut -d ' ' -f 1 >"$folder/sum$i" &
done
wait
for i in $(seq {count}); do cat "$folder/sum$i"; done
"""
ONE_AFTER_THE_OTHER = """
url=$1
for i in $(seq {count}); do
    sum=$(curl -sS --fail "$url/file$i" | cat | sha256sum) || exit 1
    echo "${{sum%% *}}"
done
"""
# A socket of the shell's own, which its programs read and write.
BY_THE_SHELL_ITSELF = """
exec 7<>"/dev/tcp/$1/$2" || exit 1
for i in $(seq {count}); do
    printf 'HEAD /file%d HTTP/1.1\\r\\nHost: b\\r\\n\\r\\n' "$i" >&7
    while IFS= read -r line <&7 && [[ $line != $'\\r' ]]; do
        [[ $line != Content-Length* ]] || printf '%s' "$line" | tr -dc 0-9
    done
    echo
done
printf 'GET /file1 HTTP/1.1\\r\\nHost: b\\r\\nConnection: close\\r\\n\\r\\n' | cat >&7
sed '1,/^\\r$/d' <&7 | sha256sum | cut -d ' ' -f 1
"""


def serve(lab):
    digests = [make_file(lab, "file%d" % i, 1000 * i * i) for i in range(1, CURLS + 1)]
    lab.start_listener("b", nginx_command(lab, lab.tmp, PORT), PORT)
    return digests


def run_script(lab, text, *arguments):
    script = lab.write("script", text.format(count=CURLS))
    return lab.run("a", alp("bash", script, *arguments), timeout=100)


def check_script(lab, text):
    digests = serve(lab)
    done = run_script(lab, text, "http://%s:%d" % (ADDRESS["b"], PORT), lab.tmp)
    assert done.stdout.split() == digests and done.stderr == "", done


def test_fifty_curls_at_once(lab):
    check_script(lab, ALL_AT_ONCE)


def test_fifty_curls_one_after_the_other(lab):
    check_script(lab, ONE_AFTER_THE_OTHER)


def test_programs_read_and_write_a_socket_of_the_shell(lab):
    digests = serve(lab)
    shown = run_script(lab, BY_THE_SHELL_ITSELF, ADDRESS["b"], str(PORT)).stdout.split()
    assert shown == [str(1000 * i * i) for i in range(1, CURLS + 1)] + [digests[0]], shown


main(check_unseen)
