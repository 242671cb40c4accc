// SPDX-License-Identifier: GPL-2.0
// Four hundred threads blocked at once, a hundred each in recv, accept, poll and epoll_wait; each is woken by its own
// event and by nothing else.
#include <poll.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <atomic>
#include <memory>
#include <vector>

#include "check.h"

constexpr int kThreads = 400;

struct Job {
    int number = 0;
    std::unique_ptr<Pair> pair;
    int listening = -1;
    pthread_t thread = 0;
};

static std::vector<Job> jobs(kThreads);
static std::atomic<int> woken{0};

static void wait_by_poll(int fd) {
    pollfd entry{fd, POLLIN, 0};
    CHECK(poll(&entry, 1, -1) == 1 && entry.revents == POLLIN);
}

static void wait_by_epoll(int fd) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.fd = fd;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) == 0);
    CHECK(epoll_wait(epoll, &event, 1, -1) == 1 && event.data.fd == fd);
    close(epoll);
}

static void* work(void* argument) {
    Job& job = *static_cast<Job*>(argument);
    int fd = job.pair ? job.pair->server : -1;
    if (job.number % 4 == 1) {
        fd = accept(job.listening, nullptr, nullptr);
        CHECK(fd >= 0);
    } else if (job.number % 4 == 2) {
        wait_by_poll(fd);
    } else if (job.number % 4 == 3) {
        wait_by_epoll(fd);
    }
    int number = -1;
    CHECK(recv(fd, &number, sizeof(number), 0) == sizeof(number) && number == job.number);
    woken.fetch_add(1);
    CHECK(send(fd, &number, sizeof(number), 0) == sizeof(number));
    return nullptr;
}

static void start(Job& job, const pthread_attr_t& attributes) {
    if (job.number % 4 == 1) {
        job.listening = listener();
    } else {
        job.pair = std::make_unique<Pair>();
    }
    CHECK(pthread_create(&job.thread, &attributes, work, &job) == 0);
}

/// Wakes one thread and gets its answer.
static void wake(const Job& job) {
    int fd = job.pair ? job.pair->client : -1;
    if (fd < 0) {
        const sockaddr_in address = name_of(job.listening);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        CHECK(connect(fd, generic(address), sizeof(address)) == 0);
    }
    int number = -1;
    CHECK(send(fd, &job.number, sizeof(job.number), 0) == sizeof(job.number));
    CHECK(recv(fd, &number, sizeof(number), 0) == sizeof(number) && number == job.number);
}

int main() {
    rlimit limit{};
    CHECK(getrlimit(RLIMIT_NOFILE, &limit) == 0);
    limit.rlim_cur = limit.rlim_max < 4096 ? limit.rlim_max : 4096;
    CHECK(setrlimit(RLIMIT_NOFILE, &limit) == 0);
    pthread_attr_t attributes;
    pthread_attr_init(&attributes);
    pthread_attr_setstacksize(&attributes, 256 * 1024);
    for (int i = 0; i < kThreads; ++i) {
        jobs[static_cast<size_t>(i)].number = i;
        start(jobs[static_cast<size_t>(i)], attributes);
    }
    sleep_ms(50);
    CHECK(woken == 0);
    for (int i = 0; i < kThreads; ++i) {
        const Job& job = jobs[static_cast<size_t>(i * 7 % kThreads)];  // 7 and 400 have no common factor
        wake(job);
        CHECK(woken == i + 1);
    }
    for (const Job& job : jobs) {
        CHECK(pthread_join(job.thread, nullptr) == 0);
    }
}
