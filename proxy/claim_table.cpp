// SPDX-License-Identifier: GPL-2.0
#include "proxy/claim_table.h"

#include <algorithm>
#include <cerrno>

namespace alp::proxy {
namespace {

bool is_datagram(const alpine_flow_key& key) {
    return key.protocol != IPPROTO_TCP && key.protocol != IPPROTO_SCTP && key.protocol != IPPROTO_DCCP;
}

/// As the host's kernel has it for SO_REUSEPORT.
bool spread_over(const Sharing& a, const Sharing& b) { return a.reuse_port && b.reuse_port && a.uid == b.uid; }

/// Every ICMP socket has SO_REUSEADDR without having asked for it: that is no consent.
bool go_together(const alpine_flow_key& key, const Sharing& a, const Sharing& b) {
    return spread_over(a, b) || (is_datagram(key) && has_ports(key.protocol) && a.reuse_address && b.reuse_address);
}

template <typename Owners>
auto find_owner(Owners& owners, unsigned ifindex) {
    return std::ranges::find_if(owners, [ifindex](const auto& owner) { return owner.ifindex == ifindex; });
}

template <typename Owner>
alpine_flow_owner record_of(const Owner& owner) {
    const unsigned sharing = (owner.sharing.reuse_port ? ALPINE_SHARING_PORT : 0U) |
                             (owner.sharing.reuse_address ? ALPINE_SHARING_ADDRESS : 0U);
    return {owner.ifindex, static_cast<__u8>(owner.accepts ? 1 : 0), static_cast<__u8>(sharing), 0};
}

}  // namespace

std::vector<alpine_flow_key> ClaimTable::keys_of(const alpine_flow_key& key, unsigned flags) {
    if ((flags & ALPINE_ENDPOINT_DUAL) != 0) {
        return {key, v4_wildcard_of(key)};
    }
    return {key};
}

Result<void> ClaimTable::steer(const alpine_flow_key& key, const Owners& owners) {
    if (owners.size() == 1) {
        return flows_.set(key, record_of(owners.front()));
    }
    std::vector<alpine_flow_owner> records;
    for (const auto& owner : owners) {
        records.push_back(record_of(owner));
    }
    return flows_.share(key, records);
}

/// One claim more of an owner: all its claims together allow what each of them allows.
void ClaimTable::acquire_again(const alpine_flow_key& key, Owners& owners, Owner& own, const Sharing& sharing) {
    ++own.claims;
    if ((own.sharing.reuse_port && !sharing.reuse_port) || (own.sharing.reuse_address && !sharing.reuse_address)) {
        own.sharing.reuse_port &= sharing.reuse_port;
        own.sharing.reuse_address &= sharing.reuse_address;
        (void)steer(key, owners);  // goes where it went; the record is another
    }
}

Result<void> ClaimTable::acquire(unsigned ifindex, const alpine_flow_key& key, const Sharing& sharing) {
    const auto found = owners_.find(key);
    if (found != owners_.end()) {
        if (const auto own = find_owner(found->second, ifindex); own != found->second.end()) {
            acquire_again(key, found->second, *own, sharing);
            return {};
        }
    }
    Owners owners = found != owners_.end() ? found->second : Owners();
    if (!std::ranges::all_of(owners, [&](const Owner& owner) { return go_together(key, owner.sharing, sharing); })) {
        return Error{EADDRINUSE, describe({key, 0}) + " is claimed by another stack"};
    }
    const bool spread =
        std::ranges::all_of(owners, [&](const Owner& owner) { return spread_over(owner.sharing, sharing); });
    owners.push_back({ifindex, 1, is_datagram(key) && spread, sharing});
    if (auto steered = steer(key, owners); !steered) {
        return steered;
    }
    owners_[key] = std::move(owners);
    return {};
}

// Flows of a map that has room for them: fewer owners need no more. True: the stack has no other claim of it.
bool ClaimTable::give_back(unsigned ifindex, const alpine_flow_key& key) {
    const auto found = owners_.find(key);
    Owners& owners = found->second;
    const auto own = find_owner(owners, ifindex);
    if (--own->claims != 0) {
        return false;
    }
    owners.erase(own);
    if (owners.empty()) {
        flows_.erase(key);
        owners_.erase(found);
    } else {
        (void)steer(key, owners);
    }
    return true;
}

Result<void> ClaimTable::claim(unsigned ifindex, const alpine_endpoint& endpoint, UniqueFd socket,
                               const Sharing& sharing) {
    const auto keys = keys_of(endpoint.key, endpoint.flags);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (auto acquired = acquire(ifindex, keys[i], sharing); !acquired) {
            while (i > 0) {
                give_back(ifindex, keys[--i]);
            }
            return acquired;
        }
    }
    claims_[ifindex].emplace(endpoint.key, Claim{endpoint.flags, std::move(socket)});
    return {};
}

// First the flow, then the socket that held its port: nobody else can bind it while packets still come here.
std::size_t ClaimTable::forget(unsigned ifindex, const Claims::iterator& claim) {
    std::size_t ended = 0;
    for (const auto& key : keys_of(claim->first, claim->second.flags)) {
        ended += give_back(ifindex, key) ? 1 : 0;
    }
    return ended;
}

Result<void> ClaimTable::release(unsigned ifindex, const alpine_endpoint& endpoint) {
    const auto stack = claims_.find(ifindex);
    if (stack != claims_.end()) {
        auto [claim, end] = stack->second.equal_range(endpoint.key);
        while (claim != end && claim->second.flags != endpoint.flags) {
            ++claim;
        }
        if (claim != end) {
            forget(ifindex, claim);
            stack->second.erase(claim);
            return {};
        }
    }
    return Error{ENOENT, describe(endpoint) + " is not claimed by this stack"};
}

Result<void> ClaimTable::set_accepting(unsigned ifindex, const alpine_endpoint& endpoint, bool accepts) {
    for (const auto& key : keys_of(endpoint.key, endpoint.flags)) {
        const auto found = owners_.find(key);
        const auto own = found != owners_.end() ? find_owner(found->second, ifindex) : Owners::iterator();
        if (found == owners_.end() || own == found->second.end()) {
            return Error{ENOENT, describe(endpoint) + " is not claimed by this stack"};
        }
        own->accepts = accepts;
        if (auto steered = steer(key, found->second); !steered) {
            return steered;
        }
    }
    return {};
}

// What adopts is in the flow map: setting it once more cannot fail for want of room.
void ClaimTable::adopt(const alpine_flow_key& key, const std::vector<AdoptedOwner>& owners, const Holder& hold) {
    Owners& all = owners_[key];
    for (const auto& [ifindex, accepts, sharing] : owners) {
        all.push_back({ifindex, 1, accepts, sharing});
        claims_[ifindex].emplace(key, Claim{kAdopted, hold({key, 0}, sharing)});
    }
    (void)steer(key, all);
}

bool ClaimTable::owns(unsigned ifindex, const alpine_endpoint& endpoint) const {
    for (const auto& key : keys_of(endpoint.key, endpoint.flags)) {
        const auto found = owners_.find(key);
        if (found == owners_.end() || find_owner(found->second, ifindex) == found->second.end()) {
            return false;
        }
    }
    return true;
}

Sharing ClaimTable::sharing_of(unsigned ifindex, const alpine_flow_key& key) const {
    const auto found = owners_.find(key);
    if (found == owners_.end()) {
        return {};
    }
    const auto own = find_owner(found->second, ifindex);
    return own != found->second.end() ? own->sharing : Sharing{};
}

bool ClaimTable::name_again(unsigned ifindex, const alpine_endpoint& endpoint) {
    const auto stack = claims_.find(ifindex);
    std::vector<Claim*> adopted;
    for (const auto& key : keys_of(endpoint.key, endpoint.flags)) {
        if (stack == claims_.end()) {
            return false;
        }
        auto [claim, end] = stack->second.equal_range(key);
        claim = std::find_if(claim, end, [](const auto& entry) { return entry.second.flags == kAdopted; });
        if (claim == end || claim->second.named_again) {
            return false;
        }
        adopted.push_back(&claim->second);
    }
    for (Claim* claim : adopted) {
        claim->named_again = true;
    }
    return true;
}

UniqueFd ClaimTable::take_holder(unsigned ifindex, const alpine_endpoint& endpoint) {
    const auto stack = claims_.find(ifindex);
    if (stack == claims_.end()) {
        return {};
    }
    auto [claim, end] = stack->second.equal_range(endpoint.key);
    for (; claim != end; ++claim) {
        if (claim->second.flags == kAdopted && claim->second.socket.valid()) {
            return std::move(claim->second.socket);
        }
    }
    return {};
}

std::size_t ClaimTable::settle(unsigned ifindex) {
    const auto stack = claims_.find(ifindex);
    if (stack == claims_.end()) {
        return 0;
    }
    std::size_t ended = 0;
    for (auto claim = stack->second.begin(); claim != stack->second.end();) {
        if (claim->second.flags == kAdopted) {
            ended += forget(ifindex, claim);
            claim = stack->second.erase(claim);
        } else {
            ++claim;
        }
    }
    return ended;
}

void ClaimTable::hold_unheld(const Holder& hold) {
    for (auto& [ifindex, claims] : claims_) {
        for (auto& [key, claim] : claims) {
            if (!claim.socket.valid()) {
                claim.socket = hold({key, claim.flags & ~kAdopted}, sharing_of(ifindex, key));
            }
        }
    }
}

void ClaimTable::release_all(unsigned ifindex) {
    const auto stack = claims_.find(ifindex);
    if (stack == claims_.end()) {
        return;
    }
    for (auto claim = stack->second.begin(); claim != stack->second.end(); ++claim) {
        forget(ifindex, claim);
    }
    claims_.erase(stack);
}

std::vector<alpine_endpoint> ClaimTable::drop_unheld(const std::function<bool(int socket)>& holds) {
    std::vector<alpine_endpoint> dropped;
    for (auto& [ifindex, claims] : claims_) {
        for (auto claim = claims.begin(); claim != claims.end();) {
            const auto& [key, held] = *claim;
            if (!held.socket.valid() || holds(held.socket.get())) {
                ++claim;
                continue;
            }
            dropped.push_back({key, held.flags});
            forget(ifindex, claim);
            claim = claims.erase(claim);
        }
    }
    return dropped;
}

bool ClaimTable::key_collides(unsigned ifindex, const alpine_flow_key& key) const {
    const auto same_family = [](const alpine_flow_key& a, const alpine_flow_key& b) {
        const alpine_flow_key v4 = v4_wildcard_of(a);
        return (std::memcmp(a.addr, v4.addr, 12) == 0) == (std::memcmp(b.addr, v4.addr, 12) == 0);
    };
    for (const auto& [other, owners] : owners_) {
        if (std::ranges::all_of(owners, [&](const Owner& owner) { return owner.ifindex == ifindex; }) ||
            other.protocol != key.protocol || other.port_be != key.port_be) {
            continue;
        }
        const bool overlap = is_wildcard(other) || is_wildcard(key);
        if (std::memcmp(&other, &key, sizeof(key)) == 0 || (overlap && same_family(other, key))) {
            return true;
        }
    }
    return false;
}

bool ClaimTable::collides(unsigned ifindex, const alpine_endpoint& endpoint) const {
    for (const auto& key : keys_of(endpoint.key, endpoint.flags)) {
        if (key_collides(ifindex, key)) {
            return true;
        }
    }
    return false;
}

std::vector<alpine_endpoint> ClaimTable::endpoints(unsigned ifindex) const {
    std::vector<alpine_endpoint> all;
    const auto stack = claims_.find(ifindex);
    if (stack == claims_.end()) {
        return all;
    }
    for (const auto& [key, claim] : stack->second) {
        const bool again = !all.empty() && std::memcmp(&all.back().key, &key, sizeof(key)) == 0;
        if (!again) {
            all.push_back({key, claim.flags & ~kAdopted});
        }
    }
    return all;
}

}  // namespace alp::proxy
