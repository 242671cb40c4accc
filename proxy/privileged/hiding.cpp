// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/hiding.h"

#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>

extern "C" {
#include <nftables/libnftables.h>
}

#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/endpoint.h"
#include "proxy/log.h"

namespace alp::proxy {
namespace {

const char* const remove_table = "add table inet alpine; delete table inet alpine";

// Broadcasts and multicasts stay everybody's. The input hook comes after reassembly: every packet has its ports.
const char* const table = R"(table inet alpine {{
    {}
    set exact4 {{ type inet_proto . ipv4_addr . inet_service; }}
    set exact6 {{ type inet_proto . ipv6_addr . inet_service; }}
    set any4 {{ type inet_proto . inet_service; }}
    set any6 {{ type inet_proto . inet_service; }}
    set whole4 {{ type inet_proto; }}
    set whole6 {{ type inet_proto; }}
    chain input {{
        type filter hook input priority raw; policy accept;
        meta pkttype != host accept
        meta nfproto ipv4 meta l4proto @whole4 drop
        meta nfproto ipv6 meta l4proto @whole6 drop
        meta nfproto ipv4 meta l4proto . th dport @any4 drop
        meta nfproto ipv6 meta l4proto . th dport @any6 drop
        meta l4proto . ip daddr . th dport @exact4 drop
        meta l4proto . ip6 daddr . th dport @exact6 drop
    }}
}})";

bool is_icmp(std::uint8_t protocol) { return protocol == IPPROTO_ICMP || protocol == IPPROTO_ICMPV6; }

/// "exact4 { 6 . 10.77.0.1 . 80 }": the set and the element that stand for an endpoint.
std::string element_of(const alpine_flow_key& key) {
    in6_addr address{};
    std::memcpy(&address, key.addr, sizeof(address));
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&address) != 0;
    const unsigned port = ntohs(key.port_be);
    if (!has_ports(key.protocol)) {
        return fmt::format("{} {{ {} }}", v4 ? "whole4" : "whole6", key.protocol);
    }
    if (is_wildcard(key)) {
        return fmt::format("{} {{ {} . {} }}", v4 ? "any4" : "any6", key.protocol, port);
    }
    std::array<char, INET6_ADDRSTRLEN> text{};
    inet_ntop(v4 ? AF_INET : AF_INET6, v4 ? key.addr + 12 : key.addr, text.data(), text.size());
    return fmt::format("{} {{ {} . {} . {} }}", v4 ? "exact4" : "exact6", key.protocol, text.data(), port);
}

/// One that keeps what it has to say to itself.
nft_ctx* new_context() {
    nft_ctx* context = nft_ctx_new(NFT_CTX_DEFAULT);
    if (context != nullptr) {
        nft_ctx_buffer_output(context);
        nft_ctx_buffer_error(context);
    }
    return context;
}

std::string first_line(const char* text) {
    const std::string all = text != nullptr ? text : "";
    return all.substr(0, all.find('\n'));
}

}  // namespace

void Hiding::clear() {
    const Context context(new_context(), nft_ctx_free);
    if (context && nft_run_cmd_from_buffer(context.get(), remove_table) != 0) {
        log(LogLevel::debug, "nftables: {}", first_line(nft_ctx_get_error_buffer(context.get())));
    }
}

Result<std::unique_ptr<Hiding>> Hiding::make() {
    Context context(new_context(), nft_ctx_free);
    if (!context) {
        return Error{ENOMEM, "libnftables"};
    }
    // A kernel that knows no owners of tables refuses the first.
    auto made = run(context, fmt::format(fmt::runtime(table), "flags owner;"));
    if (!made) {
        made = run(context, fmt::format(fmt::runtime(table), ""));
    }
    if (!made) {
        return Error{made.error().code, made.error().context +
                                            ": the classic wire needs nf_tables in the host's kernel ('modprobe "
                                            "nf_tables') and alpined run as root (CAP_NET_ADMIN)"};
    }
    return std::unique_ptr<Hiding>(new Hiding(std::move(context)));
}

Hiding::~Hiding() {
    if (auto removed = run(context_, "delete table inet alpine"); !removed) {
        log(LogLevel::error, "{}", removed.error().message());
    }
}

Result<void> Hiding::run(const Context& context, const std::string& commands) {
    errno = 0;
    if (nft_run_cmd_from_buffer(context.get(), commands.c_str()) == 0) {
        return {};
    }
    const int code = errno != 0 ? errno : EINVAL;
    return Error{code, "nftables: " + first_line(nft_ctx_get_error_buffer(context.get()))};
}

Result<void> Hiding::hide(const alpine_flow_key& key) {
    return is_icmp(key.protocol) ? Result<void>() : run(context_, "add element inet alpine " + element_of(key));
}

void Hiding::show(const alpine_flow_key& key) {
    if (is_icmp(key.protocol)) {
        return;
    }
    if (auto shown = run(context_, "delete element inet alpine " + element_of(key)); !shown) {
        log(LogLevel::error, "{}", shown.error().message());
    }
}

}  // namespace alp::proxy
