// SPDX-License-Identifier: GPL-2.0
#include "proxy/classic/filter.h"

#include <fmt/core.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <pcap/pcap.h>

#include <algorithm>
#include <cerrno>
#include <memory>

namespace alp::proxy::classic {
namespace {

constexpr int max_packet_bytes = 1 << 18; /* larger than any: what a filter lets through, it does not cut */

struct Range {
    unsigned first;
    unsigned last;
};

/// What pcap-filter(7) calls a port is one of these.
bool has_pcap_port(std::uint8_t protocol) {
    return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP;
}

/// Joins the ranges with the smallest gap between them until there are few enough.
void join_nearest(std::vector<Range>& ranges) {
    if (ranges.size() <= max_ranges) {
        return;
    }
    std::vector<unsigned> gaps;
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        gaps.push_back(ranges[i].first - ranges[i - 1].last);
    }
    // As many of the widest gaps as there may be stay.
    std::nth_element(gaps.begin(), gaps.begin() + max_ranges - 1, gaps.end(), std::greater<>());
    const unsigned narrow = gaps[max_ranges - 1];
    std::vector<Range> joined{ranges.front()};
    for (std::size_t i = 1; i < ranges.size(); ++i) {
        if (ranges[i].first - joined.back().last > narrow) {
            joined.push_back(ranges[i]);
        } else {
            joined.back().last = ranges[i].last;
        }
    }
    ranges = std::move(joined);
}

std::vector<Range> ranges_of(const std::set<unsigned>& ports) {
    std::vector<Range> ranges;
    for (const unsigned port : ports) {
        if (!ranges.empty() && ranges.back().last + 1 == port) {
            ranges.back().last = port;
        } else {
            ranges.push_back({port, port});
        }
    }
    join_nearest(ranges);
    return ranges;
}

}  // namespace

std::string expression_for(const std::set<alpine_flow_key, KeyLess>& claims) {
    std::set<unsigned> ports;
    std::set<unsigned> protocols;
    for (const auto& key : claims) {
        if (has_pcap_port(key.protocol)) {
            ports.insert(ntohs(key.port_be));
        } else if (key.protocol != IPPROTO_ICMP && key.protocol != IPPROTO_ICMPV6) {
            protocols.insert(key.protocol);
        }
    }
    // Later pieces have no ports; IPv6 extension headers hide them from libpcap.
    std::string text =
        "icmp or icmp6 or ip[6:2] & 0x1fff != 0 or ip6[6] = 0 or ip6[6] = 43 or ip6[6] = 44 or ip6[6] = 60";
    for (const auto& [first, last] : ranges_of(ports)) {
        text +=
            first == last ? fmt::format(" or dst port {}", first) : fmt::format(" or dst portrange {}-{}", first, last);
    }
    for (const unsigned protocol : protocols) {
        text += fmt::format(" or ip proto {0} or ip6 proto {0}", protocol);
    }
    return text;
}

Result<std::vector<sock_filter>> compile_filter(const std::string& expression) {
    const std::unique_ptr<pcap_t, decltype(&pcap_close)> ip(pcap_open_dead(DLT_RAW, max_packet_bytes), pcap_close);
    bpf_program program{};
    if (!ip || pcap_compile(ip.get(), &program, expression.c_str(), 1, PCAP_NETMASK_UNKNOWN) != 0) {
        return Error{EINVAL, fmt::format("capture filter: {}", ip ? pcap_geterr(ip.get()) : "no memory")};
    }
    // What libpcap cannot say of a packet without its link header.
    std::vector<sock_filter> whole = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_PKTTYPE)),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, PACKET_MULTICAST, 0, 1),  // of HOST, BROADCAST and MULTICAST the last
        BPF_STMT(BPF_RET | BPF_K, 0),
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<unsigned>(SKF_AD_OFF + SKF_AD_VLAN_TAG_PRESENT)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 0, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, 0),
    };
    for (unsigned i = 0; i < program.bf_len; ++i) {
        const bpf_insn& insn = program.bf_insns[i];
        whole.push_back({insn.code, insn.jt, insn.jf, insn.k});
    }
    pcap_freecode(&program);
    return whole;
}

}  // namespace alp::proxy::classic
