// SPDX-License-Identifier: GPL-2.0
// What steering costs a packet, by how many flows there are: the programs of bpf/ run by BPF_PROG_TEST_RUN on packets
// for claimed endpoints, with 10 to 1,000,000 of them in the map. Needs root; touches no device but lo.
//
//   bench_steering [ENTRIES]...
//
// One line of JSON for each number of entries: how long it took to enter them, and the nanoseconds per packet, once for
// one flow again and again (`same_flow_ns`: everything is in the cache) and once for another flow each time, of a
// random choice (`any_flow_ns`: what it costs that it is not; the test run's own overhead of one run is in it).
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <linux/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "bench/entries.h"
#include "bpf/alpine_steering.skel.h"
#include "proxy/endpoint.h"

namespace {

constexpr unsigned ports_per_address = 50'000;
constexpr unsigned first_port = 10'000;
constexpr unsigned lo = 1;            // the device that test packets come in on
constexpr unsigned owner = 1;         // and are redirected to
constexpr unsigned runs = 1'000'000;  // of one packet
constexpr unsigned samples = 20'000;  // packets for a flow of their own each

struct __attribute__((packed)) Frame {
    ethhdr link;
    iphdr ip;
    udphdr udp;
    std::array<char, 32> payload;
};

struct DestroySkeleton {
    void operator()(alpine_steering* programs) const { alpine_steering__destroy(programs); }
};
using Programs = std::unique_ptr<alpine_steering, DestroySkeleton>;

in_addr address_of(unsigned flow) { return {htonl(0x0a4d0000U + 1 + flow / ports_per_address)}; }

std::uint16_t port_be_of(unsigned flow) {
    return htons(static_cast<std::uint16_t>(first_port + flow % ports_per_address));
}

Programs load(unsigned entries) {
    Programs programs(alpine_steering__open());
    if (programs == nullptr || bpf_map__set_max_entries(programs->maps.flows, std::max(entries, 131'072U)) != 0 ||
        alpine_steering__load(programs.get()) != 0) {
        fmt::print(stderr, "bench_steering: the steering programs cannot be loaded: run it as root\n");
        return nullptr;
    }
    return programs;
}

/// Enters the flows; answers the seconds it took.
double enter_flows(const Programs& programs, unsigned entries) {
    const alpine_address_use present{1, 0};
    for (unsigned flow = 0; flow < entries; flow += ports_per_address) {
        const in6_addr address = alp::proxy::v4_mapped(address_of(flow));
        bpf_map_update_elem(bpf_map__fd(programs->maps.local_addresses), &address, &present, BPF_ANY);
    }
    const alpine_flow_owner value{owner, 0, 0, 0};
    const auto start = std::chrono::steady_clock::now();
    for (unsigned flow = 0; flow < entries; ++flow) {
        const auto key = alp::proxy::make_key(IPPROTO_UDP, alp::proxy::v4_mapped(address_of(flow)), port_be_of(flow));
        if (bpf_map_update_elem(bpf_map__fd(programs->maps.flows), &key, &value, BPF_ANY) != 0) {
            fmt::print(stderr, "bench_steering: flow {}: {}\n", flow, strerror(errno));
            return -1;
        }
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Frame packet_for(unsigned flow) {
    Frame frame{};
    frame.link.h_proto = htons(ETH_P_IP);
    frame.ip.version = 4;
    frame.ip.ihl = 5;
    frame.ip.ttl = 64;
    frame.ip.protocol = IPPROTO_UDP;
    frame.ip.tot_len = htons(sizeof(frame) - sizeof(frame.link));
    frame.ip.saddr = htonl(0x0a4e0001);
    frame.ip.daddr = address_of(flow).s_addr;
    frame.udp.dest = port_be_of(flow);
    return frame;
}

/// Nanoseconds per run; -1 if the packet was not steered.
int cost_ns(const Programs& programs, unsigned flow, unsigned repeat) {
    const Frame frame = packet_for(flow);
    __sk_buff context{};
    context.ifindex = context.ingress_ifindex = lo;
    LIBBPF_OPTS(bpf_test_run_opts, options);
    options.data_in = &frame;
    options.data_size_in = sizeof(frame);
    options.ctx_in = &context;
    options.ctx_size_in = sizeof(context);
    options.repeat = static_cast<int>(repeat);
    constexpr unsigned redirected = 7; /* TC_ACT_REDIRECT */
    if (bpf_prog_test_run_opts(bpf_program__fd(programs->progs.host_ingress), &options) != 0 ||
        options.retval != redirected) {
        return -1;
    }
    return static_cast<int>(options.duration);
}

int median(std::vector<int> values) {
    std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2));
    return values[values.size() / 2];
}

bool measure(unsigned entries) {
    const Programs programs = load(entries);
    const double setup_s = programs == nullptr ? -1 : enter_flows(programs, entries);
    if (setup_s < 0) {
        return false;
    }
    std::minstd_rand random(entries);
    std::vector<int> same;
    for (int round = 0; round < 5; ++round) {
        same.push_back(cost_ns(programs, random() % entries, runs));
    }
    std::vector<int> any(samples);
    std::ranges::generate(any, [&] { return cost_ns(programs, random() % entries, 1); });
    if (std::ranges::min(same) < 0 || std::ranges::min(any) < 0) {
        fmt::print(stderr, "bench_steering: a packet for a claimed endpoint was not steered\n");
        return false;
    }
    fmt::print("{{\"entries\": {}, \"setup_s\": {:.3f}, \"same_flow_ns\": {}, \"any_flow_ns\": {}}}\n", entries,
               setup_s, std::ranges::min(same), median(std::move(any)));
    std::fflush(stdout);
    return true;
}

}  // namespace

int main(int argc, char** argv) {
    const auto sizes = alp::bench::entries_of(argc, argv, "bench_steering", 2'000'000, {10, 1'000, 100'000, 1'000'000});
    if (!sizes) {
        return 2;
    }
    return std::ranges::all_of(*sizes, measure) ? 0 : 1;
}
