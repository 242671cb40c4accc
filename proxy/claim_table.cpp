// SPDX-License-Identifier: GPL-2.0
#include "proxy/claim_table.h"

#include <cerrno>

namespace alp::proxy {

std::vector<alpine_flow_key> ClaimTable::keys_of(const alpine_flow_key& key, unsigned flags) {
    if ((flags & ALPINE_ENDPOINT_DUAL) != 0) {
        return {key, v4_wildcard_of(key)};
    }
    return {key};
}

Result<void> ClaimTable::acquire(unsigned ifindex, const alpine_flow_key& key) {
    const auto found = owners_.find(key);
    if (found != owners_.end()) {
        if (found->second.ifindex != ifindex) {
            return Error{EADDRINUSE, describe({key, 0}) + " is claimed by another stack"};
        }
        ++found->second.claims;
        return {};
    }
    if (auto set = flows_.set(key, ifindex); !set) {
        return set.error();
    }
    owners_.emplace(key, Owner{ifindex, 1});
    return {};
}

void ClaimTable::give_back(const alpine_flow_key& key) {
    const auto found = owners_.find(key);
    if (--found->second.claims == 0) {
        flows_.erase(key);
        owners_.erase(found);
    }
}

Result<void> ClaimTable::claim(unsigned ifindex, const alpine_endpoint& endpoint, UniqueFd socket) {
    const auto keys = keys_of(endpoint.key, endpoint.flags);
    for (std::size_t i = 0; i < keys.size(); ++i) {
        if (auto acquired = acquire(ifindex, keys[i]); !acquired) {
            while (i > 0) {
                give_back(keys[--i]);
            }
            return acquired;
        }
    }
    claims_[ifindex].emplace(endpoint.key, Claim{endpoint.flags, std::move(socket)});
    return {};
}

// First the flow, then the socket that held its port: nobody else can bind it while packets still come here.
void ClaimTable::forget(const Claims::iterator& claim) {
    for (const auto& key : keys_of(claim->first, claim->second.flags)) {
        give_back(key);
    }
}

Result<void> ClaimTable::release(unsigned ifindex, const alpine_endpoint& endpoint) {
    const auto stack = claims_.find(ifindex);
    if (stack != claims_.end()) {
        auto [claim, end] = stack->second.equal_range(endpoint.key);
        while (claim != end && claim->second.flags != endpoint.flags) {
            ++claim;
        }
        if (claim != end) {
            forget(claim);
            stack->second.erase(claim);
            return {};
        }
    }
    return Error{ENOENT, describe(endpoint) + " is not claimed by this stack"};
}

// What adopts is in the flow map: setting it once more changes nothing and cannot fail for want of room.
void ClaimTable::adopt(unsigned ifindex, const alpine_flow_key& key, UniqueFd holder) {
    (void)claim(ifindex, {key, kAdopted}, std::move(holder));
}

bool ClaimTable::owns(unsigned ifindex, const alpine_endpoint& endpoint) const {
    for (const auto& key : keys_of(endpoint.key, endpoint.flags)) {
        const auto owner = owners_.find(key);
        if (owner == owners_.end() || owner->second.ifindex != ifindex) {
            return false;
        }
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
    const auto before = owners_.size();
    for (auto claim = stack->second.begin(); claim != stack->second.end();) {
        if (claim->second.flags == kAdopted) {
            forget(claim);
            claim = stack->second.erase(claim);
        } else {
            ++claim;
        }
    }
    return before - owners_.size();
}

void ClaimTable::hold_unheld(const std::function<UniqueFd(const alpine_endpoint&)>& hold) {
    for (auto& [ifindex, claims] : claims_) {
        for (auto& [key, claim] : claims) {
            if (!claim.socket.valid()) {
                claim.socket = hold({key, claim.flags & ~kAdopted});
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
        forget(claim);
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
            forget(claim);
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
    for (const auto& [other, owner] : owners_) {
        if (owner.ifindex == ifindex || other.protocol != key.protocol || other.port_be != key.port_be) {
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
