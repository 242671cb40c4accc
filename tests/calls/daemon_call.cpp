// SPDX-License-Identifier: GPL-2.0
// daemon(3) by a process with open connections: the caller's process ends, the daemon has all that was open, in a
// session of its own with standard streams on /dev/null.
#include <fcntl.h>

#include "children.h"

int main() {
    close_inherited();
    limit_time();
    Bell verdict;
    const pid_t pid = in_child([&] {
        const Pair pair;
        const int listening = listener();
        const sockaddr_in address = name_of(listening);
        const pid_t before = getpid();
        say(pair.client, "said before");
        CHECK(daemon(0, 0) == 0);
        limit_time();
        CHECK(getpid() != before && getsid(0) != before);
        hear(pair.server, "said before");
        talk(pair.client, pair.server);
        const int client = connected_to(address);
        const int server = accept(listening, nullptr, nullptr);
        talk(client, server);
        const Pair fresh;
        talk(fresh.client, fresh.server);
        verdict.ring();
    });
    verdict.only_wait();
    expect_success(pid);
    verdict.wait();
}
