// SPDX-License-Identifier: GPL-2.0
// Which stacks own which endpoint.
//
// A claim is one CLAIM of one stack: an endpoint, and the bound host socket that proves and keeps it. Claims are
// counted: two sockets of one program on one port (SO_REUSEPORT, or a listener and its rebinding successor) are two
// claims of one flow. A flow is steered from its first claim to its last release. It belongs to one stack, or to
// several where the host's bind(2) lets several sockets have one endpoint: with SO_REUSEPORT on all of them and one
// user, when new flows are spread over the members; and with SO_REUSEADDR on datagram sockets, when all may send and
// get what is sent to groups, and what is for the endpoint alone goes to the first.
#pragma once

#include <sys/types.h>

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
    /// To one stack, also if it was shared.
    virtual Result<void> set(const alpine_flow_key& key, const alpine_flow_owner& owner) = 0;
    /// To several, two at least. ENOSPC: more than ALPINE_SHARE_MEMBERS, or the map is full.
    virtual Result<void> share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) = 0;
    virtual void erase(const alpine_flow_key& key) = 0;
};

/// What the claiming socket allows others on its endpoint (socket(7)), and whose it is.
struct Sharing {
    bool reuse_port = false;
    bool reuse_address = false;
    uid_t uid = 0;
};

/// Who had a flow before alpined was restarted.
struct AdoptedOwner {
    unsigned ifindex;
    bool accepts;
    Sharing sharing;
};

class ClaimTable {
public:
    /// Binds a socket that keeps the port of a claim, for others on the same terms as its owner's; it may be empty.
    using Holder = std::function<UniqueFd(const alpine_endpoint& endpoint, const Sharing& sharing)>;

    /// `flows` must outlive the table.
    explicit ClaimTable(FlowMap& flows) : flows_(flows) {}

    /// Steers `endpoint` to the stack behind `ifindex` and keeps `socket` (which may be empty) while it is claimed.
    /// EADDRINUSE if any part of it is another stack's and not shared; whatever the map answers when it is full.
    Result<void> claim(unsigned ifindex, const alpine_endpoint& endpoint, UniqueFd socket, const Sharing& sharing = {});

    /// Does the stack take new flows of an endpoint that it shares? Connections only once it listens, so that none is
    /// given to a socket that is merely bound; datagrams from the beginning. ENOENT if there is no such claim.
    Result<void> set_accepting(unsigned ifindex, const alpine_endpoint& endpoint, bool accepts);

    /// Takes back one claim; the flow ends with its last. ENOENT if there is none.
    Result<void> release(unsigned ifindex, const alpine_endpoint& endpoint);

    /// A flow that is steered already, by an alpined before this one: of each of these stacks (one at least) until it
    /// settles, unless it claims it again. `hold` keeps its port, once for each.
    void adopt(const alpine_flow_key& key, const std::vector<AdoptedOwner>& owners, const Holder& hold);

    /// Is all of the endpoint steered to this stack, alone or among others?
    [[nodiscard]] bool owns(unsigned ifindex, const alpine_endpoint& endpoint) const;

    /// What all claims of the stack together allow others on a flow of its own.
    [[nodiscard]] Sharing sharing_of(unsigned ifindex, const alpine_flow_key& key) const;

    /// Was the endpoint adopted for this stack, and is this the first time that it is named again?
    bool name_again(unsigned ifindex, const alpine_endpoint& endpoint);

    /// Takes the socket that holds an adopted endpoint, if one does.
    UniqueFd take_holder(unsigned ifindex, const alpine_endpoint& endpoint);

    /// Takes from the stack the flows that were adopted and not claimed again; answers how many.
    std::size_t settle(unsigned ifindex);

    /// Calls `hold` with each claim that no socket holds; one that it answers is kept for it.
    void hold_unheld(const Holder& hold);

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
        bool accepts;
        Sharing sharing;
    };
    using Owners = std::vector<Owner>;  // in the order of their coming
    struct Claim {
        unsigned flags;
        UniqueFd socket;
        bool named_again = false;  // if adopted
    };
    /// In Claim::flags, beside those of alpine_endpoint: adopted, and not yet claimed again.
    static constexpr unsigned kAdopted = 1U << 31;
    using Claims = std::multimap<alpine_flow_key, Claim, KeyLess>;

    [[nodiscard]] static std::vector<alpine_flow_key> keys_of(const alpine_flow_key& key, unsigned flags);
    Result<void> acquire(unsigned ifindex, const alpine_flow_key& key, const Sharing& sharing);
    bool give_back(unsigned ifindex, const alpine_flow_key& key);
    /// Answers how many flows the stack has no more.
    std::size_t forget(unsigned ifindex, const Claims::iterator& claim);
    void acquire_again(const alpine_flow_key& key, Owners& owners, Owner& own, const Sharing& sharing);
    Result<void> steer(const alpine_flow_key& key, const Owners& owners);
    [[nodiscard]] bool key_collides(unsigned ifindex, const alpine_flow_key& key) const;

    FlowMap& flows_;
    std::map<alpine_flow_key, Owners, KeyLess> owners_;
    std::map<unsigned, Claims> claims_;  // by ifindex
};

}  // namespace alp::proxy
