// SPDX-License-Identifier: GPL-2.0
// SO_REUSEPORT by several forked processes, each with a socket of its own on the one port: the connections and
// datagrams spread over them, none is lost, and when a process has ended its share goes to the others.
#include <signal.h>

#include <set>
#include <vector>

#include "children.h"

constexpr int kProcesses = 3;
constexpr int kFlows = 120;

static int sharing(int type, const sockaddr_in& address) {
    const int fd = socket(AF_INET, type, 0);
    set_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    CHECK(bind(fd, generic(address), sizeof(address)) == 0);
    CHECK(type == SOCK_DGRAM || listen(fd, 128) == 0);
    return fd;
}

[[noreturn]] static void answer(int type, const sockaddr_in& address, const Bell& ready) {
    const int fd = sharing(type, address);
    ready.ring();
    const pid_t self = getpid();
    for (;;) {
        if (type == SOCK_STREAM) {
            const int accepted = accept(fd, nullptr, nullptr);
            CHECK(accepted >= 0 && write(accepted, &self, sizeof(self)) == sizeof(self));
            hear_end(accepted);  // the client closes first: TIME_WAIT is on its port
            close(accepted);
            continue;
        }
        sockaddr_in from{};
        socklen_t len = sizeof(from);
        char byte;
        CHECK(recvfrom(fd, &byte, 1, 0, generic(from), &len) == 1);
        CHECK(sendto(fd, &self, sizeof(self), 0, generic(from), len) == sizeof(self));
    }
}

/// Who answers, over so many flows. Those of datagrams are open at once: a port that is free again may be the next
/// one's.
static std::set<pid_t> answering(int type, const sockaddr_in& address) {
    std::set<pid_t> who;
    std::vector<int> open;
    for (int i = 0; i < kFlows; ++i) {
        const int fd = socket(AF_INET, type, 0);
        CHECK(connect(fd, generic(address), sizeof(address)) == 0);
        CHECK(type == SOCK_STREAM || write(fd, "?", 1) == 1);
        pid_t one = 0;
        CHECK(recv(fd, &one, sizeof(one), MSG_WAITALL) == sizeof(one));
        who.insert(one);
        if (type == SOCK_STREAM) {
            close(fd);
        } else {
            open.push_back(fd);
        }
    }
    for (const int fd : open) {
        close(fd);
    }
    return who;
}

static void spread(int type) {
    // Bound only, it holds the port and takes no connection; a datagram socket would take its share, so it goes.
    const int holder = socket(AF_INET, type, 0);
    set_option(holder, SOL_SOCKET, SO_REUSEPORT, 1);
    const sockaddr_in any = loopback();
    CHECK(bind(holder, generic(any), sizeof(any)) == 0);
    const sockaddr_in address = name_of(holder);
    const Bell ready;
    std::set<pid_t> processes;
    for (int i = 0; i < kProcesses; ++i) {
        const pid_t pid = in_child([&] {
            close(holder);
            answer(type, address, ready);
        });
        processes.insert(pid);
    }
    for (int i = 0; i < kProcesses; ++i) {
        ready.wait();
    }
    CHECK(close(holder) == 0);
    while (!processes.empty()) {
        CHECK(answering(type, address) == processes);
        const pid_t leaves = *processes.begin();
        processes.erase(leaves);
        CHECK(kill(leaves, SIGTERM) == 0);
        expect_signal(leaves, SIGTERM);
    }
    const int fd = socket(AF_INET, type, 0);
    CHECK(bind(fd, generic(address), sizeof(address)) == 0);  // nobody has it any more, shared or not
    close(fd);
}

int main() {
    close_inherited();
    limit_time();
    spread(SOCK_STREAM);
    spread(SOCK_DGRAM);
}
