// SPDX-License-Identifier: GPL-2.0
// A child ends, in every way there is: what it alone had open is closed, and only that; its parent's calls, blocked
// ones too, go on; and a child goes on when its parent has ended.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <chrono>
#include <thread>

#include "children.h"

static volatile char* const nowhere = nullptr;

static void end_in_way(int way) {
    switch (way) {
        case 0:
            exit(0);
        case 1:
            _exit(0);
        case 2:
            quick_exit(0);
        case 3:
            syscall(SYS_exit_group, 0);
            break;
        case 4:
            std::thread([] { exit(0); }).join();
            break;
        case 5:
            kill(getpid(), SIGKILL);
            break;
        case 6:
            raise(SIGTERM);
            break;
        case 7:
            abort();
        default:
            *nowhere = 1;
    }
}

static void every_way() {
    const Pair kept, blocked;
    prctl(PR_SET_DUMPABLE, 0);  // no core files
    std::thread reader([&] { hear(blocked.server, "at the end"); });
    for (int way = 0; way <= 8; ++way) {
        const int listening = listener();
        const sockaddr_in address = name_of(listening);
        const Bell connected;
        const pid_t child = in_child([&] {
            const int client = connected_to(address);
            say(client, "x");
            connected.ring();
            end_in_way(way);
        });
        const int accepted = accept(listening, nullptr, nullptr);
        hear(accepted, "x");
        hear_end(accepted);
        int status = 0;
        CHECK(waitpid(child, &status, 0) == child);
        CHECK(way < 5 ? status == 0 : WIFSIGNALED(status));
        talk(kept.client, kept.server);
        close(accepted);
        close(listening);
    }
    say(blocked.client, "at the end");
    reader.join();
}

static void the_parent_ends_first() {
    const Pair pair;
    const Bell gone;
    child_does([&] {
        const Pair own;
        in_child([&] {  // its parent does not wait for it
            CHECK(close(own.server) == 0);
            gone.wait();
            hear_end(own.client);  // who had the other end has ended
            hear(pair.server, "question");
            say(pair.server, "from an orphan");
        });
        CHECK(close(own.client) == 0);
    });
    gone.ring();
    say(pair.client, "question");
    hear(pair.client, "from an orphan");
    CHECK(close(pair.server) == 0);
    hear_end(pair.client);
}

/// It has what nobody else has any more, has never used it, and nobody waits for it, or does anything at all.
/// Returns how long it took until the other end was told.
static std::chrono::nanoseconds a_child_that_used_nothing(bool killed, useconds_t after_us) {
    const Pair pair;
    const Bell closed, heard;
    const pid_t idle = in_child([&] {
        closed.wait();
        if (killed) {
            kill(getpid(), SIGKILL);
        }
    });
    const pid_t reader = in_child([&] {
        CHECK(close(pair.server) == 0);
        hear_end(pair.client);
        heard.ring();
    });
    CHECK(close(pair.server) == 0);
    usleep(after_us);
    const auto start = std::chrono::steady_clock::now();
    closed.ring();
    heard.wait();
    const auto took = std::chrono::steady_clock::now() - start;
    CHECK(took < std::chrono::seconds(2));
    expect_success(reader);
    CHECK(waitpid(idle, nullptr, 0) == idle);
    return took;
}

/// Its parent has closed a port that it has, too.
static void a_port_of_a_child_that_used_nothing() {
    const int first = socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address = loopback();
    CHECK(bind(first, generic(address), sizeof(address)) == 0);
    address = name_of(first);
    const Bell done;
    const pid_t idle = in_child([&] { done.wait(); });
    CHECK(close(first) == 0);
    const int second = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK_FAILS(bind(second, generic(address), sizeof(address)), EADDRINUSE);
    done.ring();
    expect_success(idle);
    CHECK(bind(second, generic(address), sizeof(address)) == 0);
    CHECK(close(second) == 0);
}

int main() {
    close_inherited();
    limit_time();
    every_way();
    the_parent_ends_first();
    auto shortest = std::chrono::nanoseconds::max();
    for (int i = 0; i < 20; ++i) {
        shortest = std::min(shortest, a_child_that_used_nothing(false, 20'000));
    }
    CHECK(shortest < std::chrono::milliseconds(50));
    a_child_that_used_nothing(false, 600'000);
    a_child_that_used_nothing(true, 600'000);
    a_port_of_a_child_that_used_nothing();
}
