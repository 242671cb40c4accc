// SPDX-License-Identifier: GPL-2.0
// What the classic wire's filter costs a packet, by how many endpoints are claimed: beside bench_steering, the
// original's way. The host's kernel runs the filter, compiled by its own compiler, on packets that are for nobody, as
// it does on all that other programs of the host receive. Needs no rights; the packets go through a socket pair.
//
//   bench_classic_filter [ENTRIES]...
//
// One line of JSON for each number of entries: the seconds that writing and compiling the filter took (which happens at
// each bind), its instructions, the nanoseconds that it adds to a packet it refuses, and which part of the packets for
// nobody it lets through: those alpined looks at, which costs microseconds.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <numeric>
#include <random>
#include <set>
#include <vector>

#include "base/unique_fd.h"
#include "bench/entries.h"
#include "proxy/classic/filter.h"

namespace {

using Clock = std::chrono::steady_clock;

constexpr unsigned most_entries = 120'000;
constexpr unsigned first_port = 1'024;
constexpr unsigned last_port = 65'535;
constexpr unsigned refused_port = 9;
constexpr unsigned packets = 100'000;  // of one measurement
constexpr int measurements = 9;

struct __attribute__((packed)) Packet {
    iphdr ip{};
    udphdr udp{};
    std::array<char, 32> payload{};
};

using Claims = std::set<alpine_flow_key, alp::proxy::KeyLess>;

alpine_flow_key key_of(int protocol, unsigned port) {
    return alp::proxy::make_key(protocol, alp::proxy::v4_mapped({htonl(INADDR_ANY)}),
                                htons(static_cast<std::uint16_t>(port)));
}

/// Ports of a random choice, half of them of UDP and half of TCP.
Claims endpoints(unsigned count) {
    std::minstd_rand random(count);
    std::vector<unsigned> ports(last_port - first_port + 1);
    std::iota(ports.begin(), ports.end(), first_port);
    Claims all;
    for (const int protocol : {IPPROTO_UDP, IPPROTO_TCP}) {
        std::ranges::shuffle(ports, random);
        const std::size_t wanted = std::min<std::size_t>(ports.size(), (count + 1) / 2);
        for (std::size_t i = 0; i < wanted && all.size() < count; ++i) {
            all.insert(key_of(protocol, ports[i]));
        }
    }
    return all;
}

/// A socket pair whose receiving end has the filter.
class Filtered {
public:
    explicit Filtered(std::vector<sock_filter> filter) {
        std::array<int, 2> pair{};
        if (socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, pair.data()) != 0) {
            return;
        }
        from_ = alp::UniqueFd(pair[0]);
        to_ = alp::UniqueFd(pair[1]);
        const sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
        ok_ = setsockopt(to_.get(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) == 0;
        packet_.ip.version = 4;
        packet_.ip.ihl = 5;
        packet_.ip.protocol = IPPROTO_UDP;
        packet_.ip.tot_len = htons(sizeof(packet_));
    }

    [[nodiscard]] bool ok() const { return ok_; }

    /// Does it let a UDP packet to this port through?
    bool passes(unsigned port) {
        send_to(port);
        Packet got;
        return recv(to_.get(), &got, sizeof(got), MSG_DONTWAIT) >= 0;
    }

    /// The least nanoseconds of several measurements for sending a packet to a port that it refuses.
    double refusal_ns(unsigned port) {
        double least = -1;
        for (int i = 0; i < measurements; ++i) {
            const auto start = Clock::now();
            for (unsigned sent = 0; sent < packets; ++sent) {
                send_to(port);
            }
            const double took = std::chrono::duration<double, std::nano>(Clock::now() - start).count() / packets;
            least = least < 0 ? took : std::min(least, took);
        }
        return least;
    }

private:
    void send_to(unsigned port) {
        packet_.udp.dest = htons(static_cast<std::uint16_t>(port));
        (void)!send(from_.get(), &packet_, sizeof(packet_), MSG_DONTWAIT);
    }

    alp::UniqueFd from_;
    alp::UniqueFd to_;
    Packet packet_;
    bool ok_ = false;
};

bool measure(unsigned entries) {
    const Claims claims = endpoints(entries);
    const auto start = Clock::now();
    auto compiled = alp::proxy::classic::compile_filter(alp::proxy::classic::expression_for(claims));
    const double setup_s = std::chrono::duration<double>(Clock::now() - start).count();
    if (!compiled) {
        fmt::print(stderr, "bench_classic_filter: {}\n", compiled.error().message());
        return false;
    }
    const std::size_t instructions = compiled.value().size();
    Filtered bare({BPF_STMT(BPF_RET | BPF_K, 0)});
    Filtered filtered(std::move(compiled).value());
    if (!bare.ok() || !filtered.ok()) {
        fmt::print(stderr, "bench_classic_filter: the host kernel does not take the filter\n");
        return false;
    }
    unsigned foreign = 0;
    unsigned passed = 0;
    for (unsigned port = first_port; port <= last_port; port += 13) {
        if (!claims.contains(key_of(IPPROTO_UDP, port))) {
            ++foreign;
            passed += filtered.passes(port) ? 1 : 0;
        }
    }
    fmt::print(
        "{{\"entries\": {}, \"setup_s\": {:.4f}, \"instructions\": {}, \"packet_ns\": {:.1f}, "
        "\"let_through\": {:.3f}}}\n",
        entries, setup_s, instructions,
        std::max(0.0, filtered.refusal_ns(refused_port) - bare.refusal_ns(refused_port)),
        foreign == 0 ? 1.0 : static_cast<double>(passed) / foreign);
    std::fflush(stdout);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const auto sizes =
        alp::bench::entries_of(argc, argv, "bench_classic_filter", most_entries, {10, 100, 1'000, 100'000});
    if (!sizes) {
        return 2;
    }
    return std::ranges::all_of(*sizes, measure) ? 0 : 1;
}
