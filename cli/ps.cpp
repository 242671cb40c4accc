// SPDX-License-Identifier: GPL-2.0
// alp ps: every stack the caller may see, as alpined knows it.
#include <arpa/inet.h>
#include <fmt/core.h>
#include <netinet/in.h>
#include <pwd.h>
#include <string.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

#include "cli/verbs.h"
#include "proxy/client/client.h"
#include "proxy/client/names.h"

namespace alp::cli {

namespace {

std::string user_name(unsigned uid) {
    const passwd* entry = ::getpwuid(uid);
    return entry != nullptr ? entry->pw_name : std::to_string(uid);
}

/// "tcp/8080,udp/53", each once; a port claimed on several addresses is one port. Says how many are not shown.
std::string ports(const alpine_list_reply& stack) {
    const unsigned shown = std::min<unsigned>(stack.endpoints_shown, ALPINE_LIST_ENDPOINTS);
    std::vector<std::pair<std::uint8_t, unsigned>> unique;
    for (unsigned i = 0; i < shown; ++i) {
        unique.emplace_back(stack.endpoints[i].key.protocol, ntohs(stack.endpoints[i].key.port_be));
    }
    std::sort(unique.begin(), unique.end());
    unique.erase(std::unique(unique.begin(), unique.end()), unique.end());
    std::string text;
    for (const auto& [protocol, port] : unique) {
        text += fmt::format("{}{}/{}", text.empty() ? "" : ",", proxy::protocol_name(protocol), port);
    }
    if (stack.endpoints_total > shown) {
        text += fmt::format(",+{}", stack.endpoints_total - shown);
    }
    return text.empty() ? "-" : text;
}

/// The number, and what it is made of: "3(not-owned:3)".
std::string drops(const alpine_wire_counters& counters) {
    const auto total = std::accumulate(std::begin(counters.drops), std::end(counters.drops), __u64{0});
    std::string reasons;
    for (std::size_t i = 0; i < ALPINE_DROP_REASONS; ++i) {
        if (counters.drops[i] != 0) {
            reasons += fmt::format("{}{}:{}", reasons.empty() ? "" : ",", proxy::drop_names[i], counters.drops[i]);
        }
    }
    return reasons.empty() ? "0" : fmt::format("{}({})", total, reasons);
}

void print_row(const alpine_list_reply& stack) {
    fmt::print("{:>7}  {:10}{:17}{:8}{:>12}{:>12}  {:7} {}\n", stack.pid, user_name(stack.uid), stack.comm,
               stack.ifname, stack.counters.in_packets, stack.counters.out_packets, drops(stack.counters),
               ports(stack));
}

int cannot(const Error& error) {
    fmt::print(stderr, "alp: {}\n", error.message());
    return kExitCannotStart;
}

int show_refusals(proxy::Client& client) {
    const auto refusals = client.refusals();
    if (!refusals) {
        return cannot(refusals.error());
    }
    fmt::print("{:>7}  {:10}{:17}{:>8}  {:16}{}\n", "PID", "USER", "PROGRAM", "TIMES", "REASON", "LAST");
    for (const auto& refusal : refusals.value()) {
        const char* name = ::strerrorname_np(refusal.error);
        fmt::print("{:>7}  {:10}{:17}{:>8}  {:16}{}\n", refusal.pid, user_name(refusal.uid),
                   refusal.comm[0] != '\0' ? refusal.comm : "-", refusal.count,
                   name != nullptr ? name : std::to_string(refusal.error), refusal.line);
    }
    return 0;
}

int ps(bool refusals) {
    proxy::Client client;
    if (auto connected = client.connect(proxy::default_address()); !connected) {
        return cannot(connected.error());
    }
    if (refusals) {
        return show_refusals(client);
    }
    auto stacks = client.list();
    if (!stacks) {
        return cannot(stacks.error());
    }
    fmt::print("{:>7}  {:10}{:17}{:8}{:>12}{:>12}  {:7} {}\n", "PID", "USER", "PROGRAM", "DEVICE", "IN", "OUT", "DROPS",
               "PORTS");
    for (const auto& stack : stacks.value()) {
        print_row(stack);
    }
    return 0;
}

}  // namespace

void add_ps(CLI::App& app, int& exit_code) {
    CLI::App* verb = app.add_subcommand("ps", "Every stack you may see: process, user, packets, drops, ports");
    auto refusals = std::make_shared<bool>(false);
    verb->add_flag("--refusals", *refusals, "What alpined has refused to your processes, by process and reason");
    verb->callback([&exit_code, refusals] { exit_code = ps(*refusals); });
}

}  // namespace alp::cli
