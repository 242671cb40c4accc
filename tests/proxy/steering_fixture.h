// SPDX-License-Identifier: GPL-2.0
// The steering programs one packet at a time (BPF_PROG_TEST_RUN), in a network namespace with devices to steer to.
#pragma once

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "abi/steering.h"
#include "bpf/alpine_steering.skel.h"
#include "proxy/endpoint.h"
#include "tests/proxy/packets.h"
#include "tests/proxy/testbed.h"

namespace alp::test {

inline const std::string local4 = "10.79.0.1";
inline const std::string remote4 = "10.79.0.2";
inline const std::string local6 = "fd79::1";
inline const std::string remote6 = "fd79::2";
inline constexpr std::uint16_t claimed = 4000;
inline constexpr std::uint16_t unclaimed = 4001;

/// A namespace with two devices that stand for TUNs, a way out, and the programs loaded; stack one has claimed port
/// `claimed` at the wildcard addresses.
class Steering : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        space_ = std::make_unique<Namespace>("alpt-proxy-" + std::to_string(getpid()) + "-s");
        inside_ = std::make_unique<Inside>(*space_);
        make_devices();
        programs = alpine_steering__open_and_load();
        ASSERT_NE(programs, nullptr);
        for (const unsigned ifindex : {stack_one, stack_two}) {
            const std::vector<alpine_wire_counters> zeroes(cpus());
            bpf_map_update_elem(bpf_map__fd(programs->maps.wire_counters), &ifindex, zeroes.data(), BPF_ANY);
        }
        add_address(local4);
        add_address(local6);
        claim(stack_one, IPPROTO_UDP, {"0.0.0.0", claimed});
        claim(stack_one, IPPROTO_UDP, {"::", claimed});
        claim(stack_one, IPPROTO_TCP, {"0.0.0.0", claimed});
    }

    void TearDown() override {
        if (programs != nullptr) {
            alpine_steering__destroy(programs);
        }
        inside_.reset();
        space_.reset();
    }

    void make_devices() {
        for (const char* device : {"one", "two", "out"}) {
            run(fmt::format("ip link add {0} type veth peer name {0}-far", device));
            run(fmt::format("ip link set {0} up && ip link set {0}-far up", device));
        }
        run("ip link set lo up && ip addr add 10.79.0.1/24 dev out && ip addr add fd79::1/64 dev out nodad");
        run("sysctl -qw net.ipv4.conf.one.forwarding=1 net.ipv6.conf.one.forwarding=1");
        stack_one = if_nametoindex("one");
        stack_two = if_nametoindex("two");
        out = if_nametoindex("out");
    }

    static std::size_t cpus() { return static_cast<std::size_t>(libbpf_num_possible_cpus()); }

    void add_address(const std::string& address) {
        const in6_addr key = mapped_address(address);
        const alpine_address_use use{out, 0};
        bpf_map_update_elem(bpf_map__fd(programs->maps.local_addresses), &key, &use, BPF_ANY);
    }

    void add_broadcast(const std::string& address) {
        const in6_addr key = mapped_address(address);
        const alpine_address_use use{out, 1};
        bpf_map_update_elem(bpf_map__fd(programs->maps.local_addresses), &key, &use, BPF_ANY);
    }

    struct Member {
        unsigned ifindex;
        bool accepts;
    };

    void share(std::uint8_t protocol, const Point& point, const std::vector<Member>& members) {
        const auto key = proxy::make_key(protocol, mapped_address(point.address), htons(point.port));
        alpine_share shared{};
        for (const auto& [ifindex, accepts] : members) {
            shared.members[shared.count++] = {ifindex, static_cast<__u8>(accepts ? 1 : 0), 0, 0};
        }
        bpf_map_update_elem(bpf_map__fd(programs->maps.shares), &key, &shared, BPF_ANY);
        claim(ALPINE_SHARED_FLOW, protocol, point);
    }

    void claim(unsigned ifindex, std::uint8_t protocol, const Point& point) {
        const auto key = proxy::make_key(protocol, mapped_address(point.address), htons(point.port));
        const alpine_flow_owner owner{ifindex, 0, 0, 0};
        bpf_map_update_elem(bpf_map__fd(programs->maps.flows), &key, &owner, BPF_ANY);
    }

    /// What a program answers to a packet on the device `ifindex`.
    static int verdict(const bpf_program* program, const Bytes& ip, unsigned ifindex, unsigned mark = 0) {
        return verdict_of_frame(program, ethernet(ip), ifindex, mark);
    }

    static int verdict_of_frame(const bpf_program* program, const Bytes& frame, unsigned ifindex, unsigned mark = 0) {
        __sk_buff context{};
        context.ifindex = ifindex;
        context.ingress_ifindex = ifindex;
        context.mark = mark;
        LIBBPF_OPTS(bpf_test_run_opts, options);
        options.data_in = frame.data();
        options.data_size_in = static_cast<__u32>(frame.size());
        options.ctx_in = &context;
        options.ctx_size_in = sizeof(context);
        options.repeat = 1;
        EXPECT_EQ(bpf_prog_test_run_opts(bpf_program__fd(program), &options), 0) << strerror(errno);
        return static_cast<int>(options.retval);
    }

    /// A packet that comes in on `ifindex`: from lo, as its zero link address is only lo's own.
    int receive(const Bytes& ip) { return verdict(programs->progs.host_ingress, ip, 1); }
    /// The same from outside: an interface that is not lo, and a frame for its link address.
    int receive_from_outside(const Bytes& ip) {
        return verdict_of_frame(programs->progs.host_ingress, link_address_of_out() + ethernet(ip, 6), out);
    }
    /// A frame for a group of the link's.
    int receive_by_group(const Bytes& ip) {
        Bytes frame = ethernet(ip);
        frame[0] = 1;
        return verdict_of_frame(programs->progs.host_ingress, frame, out);
    }
    int send(const Bytes& ip) { return verdict(programs->progs.tun_ingress, ip, stack_one); }

    /// The six bytes that a frame for the device `out` begins with.
    [[nodiscard]] static Bytes link_address_of_out() {
        ifreq request{};
        std::strncpy(request.ifr_name, "out", IFNAMSIZ - 1);
        const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        EXPECT_EQ(ioctl(any.get(), SIOCGIFHWADDR, &request), 0) << strerror(errno);
        return Bytes(request.ifr_hwaddr.sa_data, request.ifr_hwaddr.sa_data + 6);
    }

    alpine_wire_counters counters(unsigned ifindex) {
        std::vector<alpine_wire_counters> per_cpu(cpus());
        bpf_map_lookup_elem(bpf_map__fd(programs->maps.wire_counters), &ifindex, per_cpu.data());
        alpine_wire_counters sum{};
        for (const auto& one : per_cpu) {
            sum.in_packets += one.in_packets;
            sum.out_packets += one.out_packets;
            for (int reason = 0; reason < ALPINE_DROP_REASONS; ++reason) {
                sum.drops[reason] += one.drops[reason];
            }
        }
        return sum;
    }

    std::uint64_t counted(std::uint32_t verdict) {
        std::vector<std::uint64_t> per_cpu(cpus());
        bpf_map_lookup_elem(bpf_map__fd(programs->maps.verdicts), &verdict, per_cpu.data());
        std::uint64_t sum = 0;
        for (const auto count : per_cpu) {
            sum += count;
        }
        return sum;
    }

    void expect_to_stack_one(const Bytes& ip) {
        const auto before = counters(stack_one).in_packets;
        EXPECT_EQ(receive(ip), TC_ACT_REDIRECT);
        EXPECT_EQ(counters(stack_one).in_packets, before + 1);
    }

    void expect_to_host(const Bytes& ip) {
        const auto before = counted(ALPINE_VERDICT_TO_HOST);
        EXPECT_EQ(receive(ip), TC_ACT_UNSPEC);
        EXPECT_EQ(counted(ALPINE_VERDICT_TO_HOST), before + 1);
    }

    void expect_sent(const Bytes& ip, int action, alpine_verdict verdict) {
        const auto before = counted(verdict);
        EXPECT_EQ(send(ip), action);
        EXPECT_EQ(counted(verdict), before + 1);
    }

    void expect_dropped(const Bytes& ip, alpine_drop reason) {
        const auto before = counters(stack_one).drops[reason];
        EXPECT_EQ(send(ip), TC_ACT_SHOT);
        EXPECT_EQ(counters(stack_one).drops[reason], before + 1);
    }

    alpine_steering* programs = nullptr;
    unsigned stack_one = 0;
    unsigned stack_two = 0;
    unsigned out = 0;

private:
    std::unique_ptr<Namespace> space_;
    std::unique_ptr<Inside> inside_;
};

}  // namespace alp::test
