// SPDX-License-Identifier: GPL-2.0
// A program waits for its own children and for nobody else: with connections open, threads blocked on them and children
// that come and go, wait() and SIGCHLD tell of these children only.
#include <signal.h>

#include <thread>

#include "children.h"

static volatile sig_atomic_t told = 0;

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    const int listening = listener();
    CHECK_FAILS(waitpid(-1, nullptr, 0), ECHILD);
    CHECK_FAILS(waitpid(-1, nullptr, __WALL), ECHILD);
    struct sigaction action {};
    action.sa_handler = [](int) { told = told + 1; };
    action.sa_flags = SA_RESTART;
    CHECK(sigaction(SIGCHLD, &action, nullptr) == 0);
    std::thread reader([&] { hear(pair.server, "end"); });

    for (int i = 0; i < 10; ++i) {
        const pid_t child = in_child([&] {
            CHECK_FAILS(waitpid(-1, nullptr, __WALL | WNOHANG), ECHILD);
            const Pair own;
            talk(own.client, own.server);
            const pid_t grandchild = in_child([&] { talk(own.client, own.server); });
            int status = 0;
            CHECK(wait(&status) == grandchild && status == 0);
            CHECK_FAILS(wait(nullptr), ECHILD);
            _exit(40 + i);
        });
        int status = 0;
        CHECK(wait(&status) == child && WIFEXITED(status) && WEXITSTATUS(status) == 40 + i);
        siginfo_t info{};
        CHECK_FAILS(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | __WALL), ECHILD);
        CHECK(told == i + 1);
    }
    sleep_ms(50);
    CHECK(told == 10);
    say(pair.client, "end");
    reader.join();
    close(listening);
}
