// SPDX-License-Identifier: GPL-2.0
// connect() to a listener that takes no more: ended by alarm() with EINTR, by SO_SNDTIMEO with EINPROGRESS; the attempt
// goes on (EALREADY) and comes to its end when there is room.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/time.h>

#include "check.h"

static volatile sig_atomic_t alarms;

/// Connections fill the listener's queue until one of them does not get through.
static void fill_queue(const sockaddr_in& address) {
    for (int i = 0; i < 16; ++i) {
        const int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        CHECK(connect(fd, generic(address), sizeof(address)) == 0 || errno == EINPROGRESS);
        pollfd entry{fd, POLLOUT, 0};
        if (poll(&entry, 1, 60) == 0) {
            close(fd);
            return;
        }
    }
    CHECK(!"the queue is full");
}

static void set_alarm(long us) {
    const itimerval soon{{0, us}, {0, us}};
    CHECK(setitimer(ITIMER_REAL, &soon, nullptr) == 0);
}

int main() {
    const int listening = bound(SOCK_STREAM);
    CHECK(listen(listening, 0) == 0);
    const sockaddr_in address = name_of(listening);
    fill_queue(address);

    struct sigaction action {};
    action.sa_handler = [](int) { alarms = alarms + 1; };
    CHECK(sigaction(SIGALRM, &action, nullptr) == 0);
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    set_alarm(30000);
    CHECK_FAILS(connect(fd, generic(address), sizeof(address)), EINTR);
    CHECK(alarms > 0);
    set_alarm(0);
    CHECK(fcntl(fd, F_SETFL, O_NONBLOCK) == 0);
    CHECK_FAILS(connect(fd, generic(address), sizeof(address)), EALREADY);
    pollfd entry{fd, POLLOUT, 0};
    CHECK(poll(&entry, 1, 0) == 0);

    const int limited = socket(AF_INET, SOCK_STREAM, 0);
    set_time_limit(limited, SO_SNDTIMEO, 30);
    const long start = now_ms();
    CHECK_FAILS(connect(limited, generic(address), sizeof(address)), EINPROGRESS);
    CHECK(now_ms() - start >= 25);
    CHECK(close(limited) == 0);

    // Room: the attempt's next SYN, after a second at the latest, gets through.
    CHECK(fcntl(listening, F_SETFL, O_NONBLOCK) == 0);
    while (accept(listening, nullptr, nullptr) >= 0) {
    }
    CHECK(errno == EAGAIN);
    CHECK(poll(&entry, 1, 5000) == 1 && entry.revents == POLLOUT);
    CHECK(option_of(fd, SOL_SOCKET, SO_ERROR) == 0);
    CHECK(write(fd, "x", 1) == 1);
}
