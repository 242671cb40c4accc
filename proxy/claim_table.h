// SPDX-License-Identifier: GPL-2.0
// Which stack owns which endpoint.
//
// A claim is one CLAIM of one stack: an endpoint, and the bound host socket that proves and keeps it. Claims are
// counted: two sockets of one program on one port (SO_REUSEPORT, or a listener and its rebinding successor) are two
// claims of one flow. A flow belongs to one stack at a time and is steered from its first claim to its last release.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "abi/proxy.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/endpoint.h"

namespace alp::proxy {

/// Where flows are steered for real: the eBPF map, or a test's stand-in.
class FlowMap {
public:
    virtual ~FlowMap() = default;
    virtual Result<void> set(const alpine_flow_key& key, unsigned ifindex) = 0;
    virtual void erase(const alpine_flow_key& key) = 0;
};

class ClaimTable {
public:
    /// `flows` must outlive the table.
    explicit ClaimTable(FlowMap& flows) : flows_(flows) {}

    /// Steers `endpoint` to the stack behind `ifindex` and keeps `socket` (which may be empty) while it is claimed.
    /// EADDRINUSE if any part of it is another stack's; whatever the map answers when it is full.
    Result<void> claim(unsigned ifindex, const alpine_endpoint& endpoint, UniqueFd socket);

    /// Takes back one claim; the flow ends with its last. ENOENT if there is none.
    Result<void> release(unsigned ifindex, const alpine_endpoint& endpoint);

    /// A flow that is steered already, by an alpined before this one: of the stack until settle(), unless it claims it
    /// again. `holder` (which may be empty) keeps its port.
    void adopt(unsigned ifindex, const alpine_flow_key& key, UniqueFd holder);

    /// Is all of the endpoint steered to this stack?
    [[nodiscard]] bool owns(unsigned ifindex, const alpine_endpoint& endpoint) const;

    /// Takes the socket that holds an adopted endpoint, if one does.
    UniqueFd take_holder(unsigned ifindex, const alpine_endpoint& endpoint);

    /// Ends the flows that were adopted and not claimed again; answers how many.
    std::size_t settle(unsigned ifindex);

    /// Calls `hold` with each claim that no socket holds; one that it answers is kept for it.
    void hold_unheld(const std::function<UniqueFd(const alpine_endpoint&)>& hold);

    /// The stack is gone.
    void release_all(unsigned ifindex);

    /// Ends all claims whose socket fails `holds`; answers their endpoints.
    std::vector<alpine_endpoint> drop_unheld(const std::function<bool(int socket)>& holds);

    /// Does another stack hold an endpoint that a socket on this one would collide with (the same port at the same
    /// or at a wildcard address of the family)? What bind(2) checks for transports the host has.
    [[nodiscard]] bool collides(unsigned ifindex, const alpine_endpoint& endpoint) const;

    /// The endpoints of a stack, each once.
    [[nodiscard]] std::vector<alpine_endpoint> endpoints(unsigned ifindex) const;

    /// All steered flows.
    [[nodiscard]] std::size_t size() const { return owners_.size(); }

private:
    struct Owner {
        unsigned ifindex;
        unsigned claims;
    };
    struct Claim {
        unsigned flags;
        UniqueFd socket;
    };
    /// In Claim::flags, beside those of alpine_endpoint: adopted, and not yet claimed again.
    static constexpr unsigned kAdopted = 1U << 31;
    using Claims = std::multimap<alpine_flow_key, Claim, KeyLess>;

    [[nodiscard]] static std::vector<alpine_flow_key> keys_of(const alpine_flow_key& key, unsigned flags);
    Result<void> acquire(unsigned ifindex, const alpine_flow_key& key);
    void give_back(const alpine_flow_key& key);
    void forget(const Claims::iterator& claim);
    [[nodiscard]] bool key_collides(unsigned ifindex, const alpine_flow_key& key) const;

    FlowMap& flows_;
    std::map<alpine_flow_key, Owner, KeyLess> owners_;
    std::map<unsigned, Claims> claims_;  // by ifindex
};

}  // namespace alp::proxy
