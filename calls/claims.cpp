// SPDX-License-Identifier: GPL-2.0
#include "calls/claims.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#include <algorithm>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/endpoint.h"
#include "calls/shared.h"
#include "calls/stack_call.h"
#include "calls/startup.h"

namespace alp::calls {

namespace {

constexpr long kHousekeepingPeriodNs = 200'000'000; /* 200 ms */
constexpr long kLongestLookNs = 5'000'000'000;      /* 5 s */
constexpr long kDoubtAfterNs = 2'000'000'000; /* 2 s: by then a claim is bound in the stack, or its process is dead */
constexpr long kShutdownGraceNs = 3'000'000'000; /* 3 s: for the closing handshake of SCTP and DCCP */

constexpr unsigned kFirstLease = 4;
constexpr unsigned kMostLeased = ALPINE_LEASE_MAX;
constexpr unsigned kMostFree = 2 * kMostLeased;
constexpr unsigned kMostSpent = 1024;
constexpr unsigned kMostGivenBack = 64;     /* at one time, of what was not used */
constexpr long kFreeForNs = 10'000'000'000; /* 10 s */

bool is_stream(const Claim& claim) {
    const int protocol = claim.endpoint.key.protocol;
    return protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

std::atomic<int> accepting_listeners{0};  ///< of this process, for start_accepting()

ClaimsTable& table() { return shared().claims; }

Claim** bucket_of(std::uint16_t port_be) { return &table().buckets[ntohs(port_be) % ClaimsTable::kBuckets]; }

/// Is everything sent to `inner` also steered by `outer`?
bool covers(const alpine_endpoint& outer, const alpine_endpoint& inner) {
    if (outer.key.protocol != inner.key.protocol || outer.key.port_be != inner.key.port_be) {
        return false;
    }
    if (memcmp(outer.key.addr, inner.key.addr, sizeof(outer.key.addr)) == 0) {
        return (outer.flags & ALPINE_ENDPOINT_DUAL) != 0 || (inner.flags & ALPINE_ENDPOINT_DUAL) == 0;
    }
    if (!is_wildcard(outer) || (is_wildcard(inner) && !is_v4(inner))) {
        return false;
    }
    return is_v4(outer) == is_v4(inner) || (!is_v4(outer) && (outer.flags & ALPINE_ENDPOINT_DUAL) != 0);
}

/// Names what it wants: a port, or a protocol that has none. Else any port will do.
bool is_one_endpoint(const alpine_endpoint& wanted) {
    const int protocol = wanted.key.protocol;
    return wanted.key.port_be != 0 ||
           (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP && protocol != IPPROTO_UDPLITE &&
            protocol != IPPROTO_SCTP && protocol != IPPROTO_DCCP && protocol != IPPROTO_ICMP &&
            protocol != IPPROTO_ICMPV6);
}

Claim* find_covering(const alpine_endpoint& wanted) {
    for (Claim* claim = *bucket_of(wanted.key.port_be); claim != nullptr; claim = claim->next) {
        if (covers(claim->endpoint, wanted)) {
            return claim;
        }
    }
    return nullptr;
}

Claim* allocate_claim() {
    ClaimsTable& claims = table();
    if (Claim* claim = claims.unused; claim != nullptr) {
        claims.unused = claim->next;
        return claim;
    }
    if (claims.pool_end - claims.pool_next < static_cast<long>(sizeof(Claim))) {
        return nullptr;
    }
    auto* claim = reinterpret_cast<Claim*>(claims.pool_next);
    claims.pool_next += sizeof(Claim);
    return claim;
}

Leases& leases_of(int protocol) { return protocol == IPPROTO_UDP ? table().udp_leases : table().tcp_leases; }

/// In front of all that have been used, or behind them.
void add_free(Claim& claim, bool in_front) {
    Leases& leases = leases_of(claim.endpoint.key.protocol);
    claim.free = true;
    claim.next_free = in_front ? leases.first : nullptr;
    if (leases.first == nullptr) {
        leases.last = &claim;
    }
    if (in_front || leases.first == nullptr) {
        leases.first = &claim;
    } else {
        leases.last->next_free = &claim;
        leases.last = &claim;
    }
    ++leases.count;
}

void remove_free(Claim& claim) {
    Leases& leases = leases_of(claim.endpoint.key.protocol);
    Claim* before = nullptr;
    for (Claim* at = leases.first; at != &claim; at = at->next_free) {
        before = at;
    }
    (before != nullptr ? before->next_free : leases.first) = claim.next_free;
    if (leases.last == &claim) {
        leases.last = before;
    }
    --leases.count;
    claim.free = false;
}

void add_user(Claim& claim) {
    if (claim.free) {
        remove_free(claim);
    }
    if (claim.users++ == 0) {
        table().idle.fetch_sub(1);
    }
}

Claim* remember(const alpine_endpoint& endpoint) {
    Claim* claim = allocate_claim();
    if (claim == nullptr) {
        return nullptr;
    }
    *claim =
        Claim{*bucket_of(endpoint.key.port_be), endpoint, 1, 0, 0, 0, now_ns(), false, false, false, false, nullptr};
    *bucket_of(endpoint.key.port_be) = claim;
    return claim;
}

void give_back(Claim** link) {
    Claim* claim = *link;
    if (claim->free) {
        remove_free(*claim);
    }
    release_endpoint(claim->endpoint);
    *link = claim->next;
    claim->next = table().unused;
    table().unused = claim;
    table().idle.fetch_sub(1);
}

long port_in_use(const Claim& claim) {
    return stack::call(ALPINE_NR_port_in_use, claim.endpoint.key.protocol, ntohs(claim.endpoint.key.port_be));
}

/// May the host not have the port yet? There may be a socket that nobody is counted for: a TCP one at its end, one in a
/// message that nobody has received, one of a child that has not used the stack. Where the stack does not say, streams
/// get time.
bool in_use_by_stack(const Claim& claim) {
    const long in_use = claim.by_raw ? -ENOENT : port_in_use(claim);
    if (in_use >= 0) {
        return in_use != 0;
    }
    return stack::has_unsettled_children() || (is_stream(claim) && now_ns() < claim.idle_since_ns + kShutdownGraceNs);
}

/// Has the stack let go of an idle claim? Asked less and less often: most wait for the end of TIME_WAIT, a minute.
bool is_done_with(Claim& claim, long now) {
    if (now < claim.look_again_ns) {
        return false;
    }
    claim.look_again_ns = now + std::min((now - claim.idle_since_ns) / 2, kLongestLookNs);
    return !in_use_by_stack(claim);
}

Claim** link_to(const Claim& claim) {
    Claim** link = bucket_of(claim.endpoint.key.port_be);
    while (*link != &claim) {
        link = &(*link)->next;
    }
    return link;
}

/// The stack is done with it: a lease may serve again, anything else goes back to the host. True: it went.
bool retire(Claim** link, long now) {
    Claim& claim = **link;
    const bool datagrams = claim.endpoint.key.protocol == IPPROTO_UDP;
    if (claim.leased &&
        leases_of(claim.endpoint.key.protocol).count < (datagrams ? kMostSpent + kMostLeased : kMostFree)) {
        claim.spent = datagrams;
        claim.idle_since_ns = now;
        add_free(claim, false);
        return false;
    }
    give_back(link);
    return true;
}

void drop_user(Claim& claim) {
    // None may be left if the users were in doubt.
    if (claim.users == 0 || --claim.users != 0) {
        return;
    }
    table().idle.fetch_add(1);
    claim.idle_since_ns = now_ns();
    claim.look_again_ns = claim.idle_since_ns + kHousekeepingPeriodNs;
    if (!in_use_by_stack(claim)) {
        retire(link_to(claim), claim.idle_since_ns);
    }
}

void add_listener(Claim& claim) {
    if (claim.listeners++ == 0) {
        accept_on_endpoint(claim.endpoint, true);
    }
}

void lease_more(int protocol) {
    Leases& leases = leases_of(protocol);
    alpine_endpoint granted[kMostLeased];
    leases.next_batch = std::clamp(leases.next_batch * 2, kFirstLease, kMostLeased);
    const long count = lease_endpoints(protocol, leases.next_batch, granted);
    for (long i = 0; i < count; ++i) {
        Claim* claim = remember(granted[i]);
        if (claim == nullptr) {
            release_endpoint(granted[i]);
            continue;
        }
        claim->leased = true;
        claim->users = 0;
        claim->idle_since_ns = now_ns();
        table().idle.fetch_add(1);
        add_free(*claim, protocol == IPPROTO_UDP);
    }
}

bool needs_housekeeping() {
    return table().idle.load(std::memory_order_relaxed) != 0 || table().uncertain.load(std::memory_order_relaxed);
}

/// Users that are counted but died with their process: the stack knows whether there is any socket.
void drop_lost_users(Claim& claim, long now) {
    if (claim.users == 0 || claim.by_raw || now < claim.made_ns + kDoubtAfterNs || now < claim.look_again_ns) {
        return;
    }
    claim.look_again_ns = now + kDoubtAfterNs;
    if (port_in_use(claim) == 0) {
        claim.users = 0;
        claim.listeners = 0;
        claim.idle_since_ns = now;
        table().idle.fetch_add(1);
    }
}

void give_back_old_leases(Leases& leases, long now) {
    for (unsigned i = 0;
         i < kMostGivenBack && leases.first != nullptr && now > leases.first->idle_since_ns + kFreeForNs; ++i) {
        give_back(link_to(*leases.first));
    }
}

}  // namespace

long claim_bound_dummy(int fd, const alpine_endpoint& bound, Claim** claim) {
    SharedLocked locked(table().lock);
    *claim = find_covering(bound);
    if (*claim != nullptr) {
        add_user(**claim);
        return 0;
    }
    alpine_endpoint granted{};
    const long error = claim_descriptor(fd, &granted);
    if (error < 0) {
        return error;
    }
    *claim = remember(granted);
    return *claim != nullptr ? 0 : -ENOMEM;
}

long claim_by_name(alpine_endpoint wanted, Claim** claim) {
    SharedLocked locked(table().lock);
    *claim = is_one_endpoint(wanted) ? find_covering(wanted) : nullptr;
    if (*claim != nullptr) {
        add_user(**claim);
        return 0;
    }
    const long error = claim_endpoint(&wanted);
    if (error < 0) {
        return error;
    }
    *claim = remember(wanted);
    return *claim != nullptr ? 0 : -ENOMEM;
}

Claim* own_claim_in_the_way(const alpine_endpoint& wanted) {
    SharedLocked locked(table().lock);
    Claim* claim = wanted.key.port_be != 0 ? find_covering(wanted) : nullptr;
    if (claim != nullptr) {
        add_user(*claim);
    }
    return claim;
}

Claim* take_lease(int protocol) {
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
        return nullptr;
    }
    SharedLocked locked(table().lock);
    Leases& leases = leases_of(protocol);
    if (leases.first == nullptr || (leases.first->spent && leases.count < kMostSpent)) {
        lease_more(protocol);
    }
    Claim* claim = leases.first;
    if (claim != nullptr) {
        add_user(*claim);
    }
    return claim;
}

void note_raw_use(Claim* claim) {
    SharedLocked locked(table().lock);
    claim->by_raw = true;
}

void unclaim(Claim* claim) {
    SharedLocked locked(table().lock);
    drop_user(*claim);
}

void share_claim(OpenFile& listener, OpenFile& connection) {
    SharedLocked locked(table().lock);
    connection.has_port = true;
    connection.claim = listener.claim;
    if (connection.claim != nullptr) {
        add_user(*connection.claim);
    }
}

void start_accepting(int fd, OpenFile& file) {
    int shared = 0;
    socklen_t len = sizeof(shared);
    Locked binding(file.binding);
    if (file.accepts || file.claim == nullptr || !is_stream(*file.claim) || !file.host_bindable ||
        raw_syscall(SYS_getsockopt, fd, SOL_SOCKET, SO_REUSEPORT, arg(&shared), arg(&len)) < 0 || shared == 0) {
        return;
    }
    SharedLocked locked(table().lock);
    file.accepts = true;
    ++accepting_listeners;
    add_listener(*file.claim);
}

bool has_accepting_listeners() { return accepting_listeners != 0; }

namespace {

/// Connections that were accepted may go on when their listener is closed.
void stop_accepting(OpenFile& file) {
    SharedLocked locked(table().lock);
    file.accepts = false;
    // None may be left if the users were in doubt.
    --accepting_listeners;
    if (file.claim->listeners != 0 && --file.claim->listeners == 0 && file.claim->users > 1) {
        accept_on_endpoint(file.claim->endpoint, false);
    }
}

}  // namespace

void drop_claim(OpenFile& file) {
    if (file.claim == nullptr) {
        return;
    }
    if (file.accepts) {
        stop_accepting(file);
    }
    Claim* claim = file.claim;
    file.claim = nullptr;  // before another thread's fork could copy what is given back
    unclaim(claim);
}

void housekeeping() {
    if (!stack::running() || !needs_housekeeping()) {
        return;
    }
    SharedLocked locked(table().lock);
    const long now = now_ns();
    const bool uncertain = table().uncertain.load();
    for (Claim*& bucket : table().buckets) {
        for (Claim** link = &bucket; *link != nullptr;) {
            Claim& claim = **link;
            if (uncertain) {
                drop_lost_users(claim, now);
            }
            const bool done = claim.users == 0 && !claim.free && is_done_with(claim, now);
            if (!done || !retire(link, now)) {
                link = &claim.next;
            }
        }
    }
    give_back_old_leases(table().tcp_leases, now);
    give_back_old_leases(table().udp_leases, now);
}

void housekeeping_now_and_then() {
    if (!stack::running() || !needs_housekeeping()) {
        return;
    }
    const long now = now_ns();
    long due = table().next_housekeeping_ns.load();
    if (now >= due && table().next_housekeeping_ns.compare_exchange_strong(due, now + kHousekeepingPeriodNs)) {
        housekeeping();
    }
}

void share_claims_with_child() {
    SharedLocked locked(table().lock);
    for_each_descriptor(0, kTableSize - 1, [](int fd, Kind) { file_of(fd)->counted = false; });
    for_each_descriptor(0, kTableSize - 1, [](int fd, Kind) {
        OpenFile& file = *file_of(fd);
        if (!file.counted && file.claim != nullptr) {
            add_user(*file.claim);
            if (file.accepts) {
                add_listener(*file.claim);
            }
        }
        file.counted = true;
    });
}

void find_claim(OpenFile& file, const alpine_endpoint& bound) {
    SharedLocked locked(table().lock);
    file.claim = find_covering(bound);
    if (file.claim != nullptr) {
        add_user(*file.claim);
    }
}

void doubt_claims() { table().uncertain = true; }

}  // namespace alp::calls
