// SPDX-License-Identifier: GPL-2.0
// A daemon by two forks: the process in the middle ends at once, by itself or by a signal, with sockets used or not;
// the daemon goes on with all of them, and when it ends, in whatever way, the other ends hear of it.
#include <signal.h>
#include <sys/prctl.h>

#include <initializer_list>

#include "children.h"

enum class Middle { exits, aborts, is_killed, is_stopped_and_killed };
enum class Daemon { exits, is_killed };

static void double_fork(Middle middle, Daemon how, bool middle_uses) {
    const Pair pair;
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const Bell go;
    const pid_t child = in_child([&] {
        setsid();
        if (middle_uses) {
            say(pair.server, "middle");
        }
        const pid_t daemon = fork();
        CHECK(daemon >= 0);
        if (daemon == 0) {
            limit_time();
            go.wait();
            say(pair.server, "daemon");
            const int accepted = accept(listening, nullptr, nullptr);
            hear(accepted, "hello");
            if (how == Daemon::is_killed) {
                kill(getpid(), SIGKILL);
            }
            _exit(0);
        }
        switch (middle) {
            case Middle::exits:
                _exit(0);
            case Middle::aborts:
                signal(SIGABRT, SIG_DFL);
                prctl(PR_SET_DUMPABLE, 0);
                abort();
            case Middle::is_killed:
                kill(getpid(), SIGKILL);
                break;
            case Middle::is_stopped_and_killed:
                kill(getpid(), SIGSTOP);
                break;
        }
        _exit(1);
    });
    if (middle == Middle::is_stopped_and_killed) {
        int status = 0;
        CHECK(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status));
        CHECK(kill(child, SIGKILL) == 0);
    }
    if (middle == Middle::exits) {
        expect_success(child);
    } else {
        expect_signal(child, middle == Middle::aborts ? SIGABRT : SIGKILL);
    }
    CHECK(close(pair.server) == 0 && close(listening) == 0);
    go.ring();
    hear(pair.client, middle_uses ? "middledaemon" : "daemon");
    const int client = connected_to(address);
    say(client, "hello");
    hear_end(client);
    hear_end(pair.client);
    close(client);
    close(pair.client);
}

int main() {
    close_inherited();
    limit_time();
    for (const Middle middle : {Middle::exits, Middle::aborts, Middle::is_killed, Middle::is_stopped_and_killed}) {
        for (const Daemon how : {Daemon::exits, Daemon::is_killed}) {
            double_fork(middle, how, false);
            double_fork(middle, how, true);
        }
    }
}
