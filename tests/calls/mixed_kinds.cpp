// SPDX-License-Identifier: GPL-2.0
// Every kind of descriptor beside a socket in one wait: pipe, eventfd, timerfd, signalfd, inotify, Unix socket. Each
// wakes poll, select and epoll by itself, from another thread.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/select.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/timerfd.h>

#include <functional>
#include <thread>
#include <vector>

#include "check.h"

struct Source {
    int fd;
    std::function<void()> fire;
    std::function<void()> drain;
};

static std::vector<Source> sources;
static char folder[] = "/tmp/alpine-inotify-XXXXXX";

static void drain_bytes(int fd) {
    char buffer[512];
    CHECK(read(fd, buffer, sizeof(buffer)) > 0);
}

static void add(int fd, std::function<void()> fire) {
    CHECK(fd >= 0);
    sources.push_back({fd, std::move(fire), [fd] { drain_bytes(fd); }});
}

static void make_sources(const Pair& pair) {
    static int pipe_ends[2], unix_ends[2];
    CHECK(pipe(pipe_ends) == 0 && socketpair(AF_UNIX, SOCK_SEQPACKET, 0, unix_ends) == 0);
    add(pair.server, [&pair] { CHECK(write(pair.client, "x", 1) == 1); });
    add(pipe_ends[0], [] { CHECK(write(pipe_ends[1], "x", 1) == 1); });
    add(unix_ends[0], [] { CHECK(send(unix_ends[1], "x", 1, 0) == 1); });
    static const int bell = eventfd(0, EFD_CLOEXEC);
    add(bell, [] { CHECK(eventfd_write(bell, 3) == 0); });
    static const int timer = timerfd_create(CLOCK_MONOTONIC, 0);
    add(timer, [] {
        const itimerspec soon{{0, 0}, {0, 5'000'000}};
        CHECK(timerfd_settime(timer, 0, &soon, nullptr) == 0);
    });
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    CHECK(sigprocmask(SIG_BLOCK, &set, nullptr) == 0);
    add(signalfd(-1, &set, 0), [] { CHECK(kill(getpid(), SIGUSR2) == 0); });

    CHECK(mkdtemp(folder) != nullptr);
    const int notify = inotify_init1(0);
    CHECK(inotify_add_watch(notify, folder, IN_DELETE_SELF) >= 0);
    add(notify, [] { CHECK(rmdir(folder) == 0); });
    sources.back().drain = [notify] {
        drain_bytes(notify);
        CHECK(mkdir(folder, 0700) == 0);
        CHECK(inotify_add_watch(notify, folder, IN_DELETE_SELF) >= 0);
    };
}

static int wait_by_poll() {
    std::vector<pollfd> entries;
    for (const Source& source : sources) {
        entries.push_back({source.fd, POLLIN, 0});
    }
    CHECK(poll(entries.data(), entries.size(), 10000) == 1);
    for (const pollfd& entry : entries) {
        if (entry.revents != 0) {
            CHECK(entry.revents == POLLIN);
            return entry.fd;
        }
    }
    return -1;
}

static int wait_by_select() {
    fd_set readable;
    FD_ZERO(&readable);
    for (const Source& source : sources) {
        FD_SET(source.fd, &readable);
    }
    timeval limit{10, 0};
    CHECK(select(FD_SETSIZE, &readable, nullptr, nullptr, &limit) == 1);
    for (const Source& source : sources) {
        if (FD_ISSET(source.fd, &readable)) {
            return source.fd;
        }
    }
    return -1;
}

static int wait_by_epoll() {
    static int epoll = -1;
    epoll_event event{};
    if (epoll < 0) {
        epoll = epoll_create1(EPOLL_CLOEXEC);
        for (const Source& source : sources) {
            event.events = EPOLLIN;
            event.data.fd = source.fd;
            CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, source.fd, &event) == 0);
        }
    }
    CHECK(epoll_wait(epoll, &event, 1, 10000) == 1 && event.events == EPOLLIN);
    return event.data.fd;
}

int main() {
    const Pair pair;
    make_sources(pair);
    for (int (*wait)() : {wait_by_poll, wait_by_select, wait_by_epoll}) {
        for (const Source& source : sources) {
            std::thread firing([&] {
                sleep_ms(15);
                source.fire();
            });
            CHECK(wait() == source.fd);
            firing.join();
            source.drain();
        }
    }
    // A regular file can be polled, but epoll refuses it, as it would without the socket beside it.
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, pair.server, &event) == 0);
    CHECK_FAILS(epoll_ctl(epoll, EPOLL_CTL_ADD, open("/proc/self/exe", O_RDONLY), &event), EPERM);
    for (const Source& source : sources) {
        close(source.fd);
    }
    CHECK(rmdir(folder) == 0);
}
