// SPDX-License-Identifier: GPL-2.0
// One listener, and several processes blocked in accept() on it, the parent's own thread among them: each connection is
// accepted once, by one of them, whoever they are.
#include <thread>

#include "children.h"

constexpr int kProcesses = 4;
constexpr int kConnections = 60;

/// Answers every connection with the process that took it, until one says it is the last.
static void serve(int listening) {
    for (bool last = false; !last;) {
        const int fd = accept(listening, nullptr, nullptr);
        char what = 0;
        CHECK(fd >= 0 && read(fd, &what, 1) == 1);
        const pid_t self = getpid();
        CHECK(write(fd, &self, sizeof(self)) == sizeof(self));
        last = what == 'l';
        close(fd);
    }
}

static pid_t ask(const sockaddr_in& address, const char* what) {
    const int fd = connected_to(address);
    say(fd, what);
    pid_t who = 0;
    CHECK(recv(fd, &who, sizeof(who), MSG_WAITALL) == sizeof(who));
    hear_end(fd);
    close(fd);
    return who;
}

int main() {
    close_inherited();
    limit_time();
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    std::thread thread([&] { serve(listening); });
    pid_t processes[kProcesses + 1] = {getpid()};
    for (int i = 0; i < kProcesses; ++i) {
        processes[i + 1] = in_child([&] { serve(listening); });
    }
    sleep_ms(50);
    auto known = [&](pid_t who) {
        for (const pid_t process : processes) {
            if (who == process) {
                return true;
            }
        }
        return false;
    };
    for (int i = 0; i < kConnections; ++i) {
        CHECK(known(ask(address, "m")));
    }
    // Each leaves once: who has left is not asked again.
    for (int i = 0; i <= kProcesses; ++i) {
        const pid_t who = ask(address, "l");
        CHECK(known(who));
        for (pid_t& process : processes) {
            process = process == who ? -1 : process;
        }
        if (who == getpid()) {
            thread.join();
        } else {
            expect_success(who);
        }
    }
}
