// SPDX-License-Identifier: GPL-2.0
// What one call costs. Run it plain and under `alp run`: the difference is Alpine's.
//
// Each benchmark is one call that has nothing to wait for and next to nothing to do, so that what is left is the
// way there and back.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace {

/// A call on a socket of the stack that only reads a field.
void BM_getsockopt_on_socket(benchmark::State& state) {
    const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
    for (auto _ : state) {
        int type = 0;
        socklen_t len = sizeof(type);
        benchmark::DoNotOptimize(::getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len));
    }
    ::close(fd);
}
BENCHMARK(BM_getsockopt_on_socket);

/// A call on a host descriptor: what a program pays for descriptors that Alpine has nothing to do with.
void BM_read_on_host_file(benchmark::State& state) {
    const int fd = ::open("/dev/zero", O_RDONLY | O_CLOEXEC);
    char byte = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(::read(fd, &byte, 1));
    }
    ::close(fd);
}
BENCHMARK(BM_read_on_host_file);

/// epoll_wait with one socket that is always ready to be written to.
void BM_epoll_wait_ready_socket(benchmark::State& state) {
    const int fd = ::socket(AF_INET, SOCK_DGRAM, 0);
    const int epoll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{};
    wanted.events = EPOLLOUT;
    ::epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &wanted);
    for (auto _ : state) {
        epoll_event ready{};
        benchmark::DoNotOptimize(::epoll_wait(epoll, &ready, 1, 0));
    }
    ::close(epoll);
    ::close(fd);
}
BENCHMARK(BM_epoll_wait_ready_socket);

void BM_open_and_close_socket(benchmark::State& state) {
    for (auto _ : state) {
        ::close(::socket(AF_INET, SOCK_STREAM, 0));
    }
}
BENCHMARK(BM_open_and_close_socket);

}  // namespace

BENCHMARK_MAIN();
