// SPDX-License-Identifier: GPL-2.0
// bench_rtt [--busy-poll=USEC] tcp|udp ADDRESS PORT COUNT
//
// The time of a one-byte question and answer over one connection. With --busy-poll the socket asks for SO_BUSY_POLL
// (socket(7)) of that many microseconds. Prints one JSON object, times in microseconds.
#include <string_view>

#include "bench/programs/round_trips.h"

namespace {

constexpr int kAnswerTimeout_s = 2;
constexpr std::string_view kBusyPoll = "--busy-poll=";

void busy_poll(int fd, int budget_us) {
    if (::setsockopt(fd, SOL_SOCKET, SO_BUSY_POLL, &budget_us, sizeof(budget_us)) != 0) {
        alp::bench::die("SO_BUSY_POLL");
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool busy = argc > 1 && std::string_view(argv[1]).starts_with(kBusyPoll);
    char** const words = argv + (busy ? 2 : 1);
    if (argc != (busy ? 6 : 5)) {
        std::fprintf(stderr, "usage: %s [--busy-poll=USEC] tcp|udp ADDRESS PORT COUNT\n", argv[0]);
        return 2;
    }
    const int fd = alp::bench::connected_socket(alp::bench::parse_endpoint(words[0], words[1], words[2]));
    const timeval timeout{kAnswerTimeout_s, 0};  // a lost datagram is an error, not a hang
    ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof(timeout));
    if (busy) {
        busy_poll(fd, std::atoi(argv[1] + kBusyPoll.size()));
    }
    alp::bench::measure_round_trips(fd, std::strtoul(words[3], nullptr, 10));
    ::close(fd);
    return 0;
}
