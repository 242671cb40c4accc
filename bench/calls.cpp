// SPDX-License-Identifier: GPL-2.0
// What one call costs. Run it plain and under `alp run`: the difference is Alpine's.
//
// Each benchmark is one call that has nothing to wait for and next to nothing to do, so that what is left is the
// way there and back. main() opens a socket before anything is measured: under Alpine a stack is then running, and
// that is when its costs count.
//
// With `--threads_alive` as its first argument it keeps a second thread that sleeps: libc and Alpine both take shorter
// ways in a process that has one thread only.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

namespace {

constexpr std::string_view kThreadOption = "--threads_alive";

/// A figure of something that failed would look like a good one.
void require(bool good, const char* what) {
    if (!good) {
        std::perror(what);
        std::exit(1);
    }
}

// Host descriptors: what a program pays for descriptors that Alpine has nothing to do with.

void read_dev_zero(benchmark::State& state) {
    const int fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char byte = 0;
    require(::read(fd, &byte, 1) == 1, "/dev/zero");
    for (auto _ : state) {
        benchmark::DoNotOptimize(::read(fd, &byte, 1));
    }
    ::close(fd);
}
BENCHMARK(read_dev_zero);

void write_dev_null(benchmark::State& state) {
    const int fd = ::open("/dev/null", O_WRONLY | O_CLOEXEC);
    require(::write(fd, "x", 1) == 1, "/dev/null");
    for (auto _ : state) {
        benchmark::DoNotOptimize(::write(fd, "x", 1));
    }
    ::close(fd);
}
BENCHMARK(write_dev_null);

/// recv() that leaves what it sees, so that no send() has to be measured with it.
void recv_unix_socket(benchmark::State& state) {
    int ends[2];
    require(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && ::send(ends[1], "x", 1, 0) == 1, "socketpair");
    char byte = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(::recv(ends[0], &byte, 1, MSG_PEEK));
    }
    ::close(ends[0]);
    ::close(ends[1]);
}
BENCHMARK(recv_unix_socket);

void poll_eventfd(benchmark::State& state) {
    pollfd entry{::eventfd(1, EFD_CLOEXEC), POLLIN, 0};
    require(::poll(&entry, 1, 0) == 1, "poll");
    for (auto _ : state) {
        benchmark::DoNotOptimize(::poll(&entry, 1, -1));
    }
    ::close(entry.fd);
}
BENCHMARK(poll_eventfd);

void watch(int epoll, int fd, unsigned events) {
    epoll_event wanted{};
    wanted.events = events;
    require(::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted) == 0, "epoll_ctl");
}

/// Waits for what is ready already.
void wait_loop(benchmark::State& state, int epoll, int expected) {
    epoll_event ready[4];
    require(::epoll_wait(epoll, ready, 4, -1) == expected, "epoll_wait");
    for (auto _ : state) {
        benchmark::DoNotOptimize(::epoll_wait(epoll, ready, 4, -1));
    }
}

void epoll_wait_eventfd(benchmark::State& state) {
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    const int event = ::eventfd(1, EFD_CLOEXEC);
    watch(epoll, event, EPOLLIN);
    wait_loop(state, epoll, 1);
    ::close(event);
    ::close(epoll);
}
BENCHMARK(epoll_wait_eventfd);

// Sockets: the stack's, under Alpine.

/// A call that only reads a field.
void getsockopt_type(benchmark::State& state) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    int type = 0;
    socklen_t len = sizeof(type);
    require(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) == 0 && type == SOCK_STREAM, "getsockopt");
    for (auto _ : state) {
        benchmark::DoNotOptimize(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len));
    }
    ::close(fd);
}
BENCHMARK(getsockopt_type);

/// One socket that can always be written to.
void epoll_wait_socket(benchmark::State& state) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, fd, EPOLLOUT);
    wait_loop(state, epoll, 1);
    ::close(epoll);
    ::close(fd);
}
BENCHMARK(epoll_wait_socket);

/// The same, with descriptors of the host in the same instance that have nothing to say.
void epoll_wait_socket_beside_host(benchmark::State& state) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    const int silent[] = {::eventfd(0, EFD_CLOEXEC), ::eventfd(0, EFD_CLOEXEC)};
    watch(epoll, fd, EPOLLOUT);
    for (const int event : silent) {
        watch(epoll, event, EPOLLIN);
    }
    wait_loop(state, epoll, 1);
    for (const int event : silent) {
        ::close(event);
    }
    ::close(epoll);
    ::close(fd);
}
BENCHMARK(epoll_wait_socket_beside_host);

void socket_and_close(benchmark::State& state) {
    for (auto _ : state) {
        ::close(::socket(AF_INET, SOCK_STREAM, 0));
    }
}
BENCHMARK(socket_and_close);

/// Takes `--threads_alive` off the command line.
bool wants_second_thread(int& argc, char** argv) {
    if (argc < 2 || argv[1] != kThreadOption) {
        return false;
    }
    for (int i = 1; i < argc; ++i) {
        argv[i] = argv[i + 1];
    }
    --argc;
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    if (wants_second_thread(argc, argv)) {
        std::thread([] {
            for (;;) {
                ::pause();
            }
        }).detach();
    }
    require(::socket(AF_INET, SOCK_STREAM, 0) >= 0, "socket");
    benchmark::Initialize(&argc, argv);
    benchmark::RunSpecifiedBenchmarks();
}
