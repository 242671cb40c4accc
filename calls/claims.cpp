// SPDX-License-Identifier: GPL-2.0
#include "calls/claims.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>

#include <algorithm>

#include "abi/proxy.h"
#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/dummy.h"
#include "calls/fork.h"
#include "calls/guard.h"
#include "calls/stack_call.h"
#include "calls/startup.h"

namespace alp::calls {

/// One claimed endpoint. In a hash table by port; when `users` is 0 it is idle.
struct Claim {
    Claim* next;
    alpine_endpoint endpoint;
    unsigned users;
    long idle_since_ns;
    long look_again_ns;  ///< when it is worth asking the stack again
};

namespace {

constexpr unsigned kBuckets = 1024;
constexpr int kEphemeralTries = 8;
constexpr std::size_t kPoolChunkBytes = 64 * 1024;
constexpr long kHousekeepingPeriodNs = 200'000'000; /* 200 ms */
constexpr long kLongestLookNs = 5'000'000'000;      /* 5 s */
constexpr long kShutdownGraceNs = 3'000'000'000;    /* 3 s: for the closing handshake of SCTP and DCCP */

Lock claims_lock;
Claim* buckets[kBuckets];
Claim* free_claims;
std::atomic<unsigned> idle_claims{0};
std::atomic<long> next_housekeeping_ns{0};

long now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000L + now.tv_nsec;
}

bool is_stream(const Claim& claim) {
    const int protocol = claim.endpoint.key.protocol;
    return protocol == IPPROTO_TCP || protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP;
}

Claim** bucket_of(std::uint16_t port_be) { return &buckets[ntohs(port_be) % kBuckets]; }

/// A sockaddr as alpined writes it: v4-mapped.
alpine_endpoint endpoint_of(int protocol, const sockaddr_storage& address) {
    alpine_endpoint endpoint{};
    endpoint.key.protocol = static_cast<std::uint8_t>(protocol);
    if (address.ss_family == AF_INET) {
        const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
        endpoint.key.addr[10] = endpoint.key.addr[11] = 0xff;
        memcpy(endpoint.key.addr + 12, &v4.sin_addr, 4);
        endpoint.key.port_be = v4.sin_port;
    } else {
        const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
        memcpy(endpoint.key.addr, &v6.sin6_addr, 16);
        endpoint.key.port_be = v6.sin6_port;
    }
    return endpoint;
}

bool is_v4(const alpine_endpoint& endpoint) {
    static constexpr std::uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    return memcmp(endpoint.key.addr, kMapped, sizeof(kMapped)) == 0;
}

bool is_wildcard(const alpine_endpoint& endpoint) {
    static constexpr std::uint8_t kZero[16] = {};
    return is_v4(endpoint) ? memcmp(endpoint.key.addr + 12, kZero, 4) == 0
                           : memcmp(endpoint.key.addr, kZero, sizeof(kZero)) == 0;
}

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

Claim* find_covering(const alpine_endpoint& wanted) {
    for (Claim* claim = *bucket_of(wanted.key.port_be); claim != nullptr; claim = claim->next) {
        if (covers(claim->endpoint, wanted)) {
            return claim;
        }
    }
    return nullptr;
}

Claim* allocate_claim() {
    if (free_claims == nullptr) {
        const long memory =
            raw_syscall(SYS_mmap, 0, kPoolChunkBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (memory < 0) {
            return nullptr;
        }
        auto* chunk = reinterpret_cast<Claim*>(memory);
        for (std::size_t i = 0; i < kPoolChunkBytes / sizeof(Claim); ++i) {
            chunk[i].next = free_claims;
            free_claims = &chunk[i];
        }
    }
    Claim* claim = free_claims;
    free_claims = claim->next;
    return claim;
}

void add_user(Claim& claim) {
    if (claim.users++ == 0) {
        idle_claims.fetch_sub(1);
    }
}

Claim* remember(const alpine_endpoint& endpoint) {
    Claim* claim = allocate_claim();
    if (claim == nullptr) {
        return nullptr;
    }
    *claim = Claim{*bucket_of(endpoint.key.port_be), endpoint, 1, 0, 0};
    *bucket_of(endpoint.key.port_be) = claim;
    return claim;
}

void give_back(Claim** link) {
    Claim* claim = *link;
    release_endpoint(claim->endpoint);
    *link = claim->next;
    claim->next = free_claims;
    free_claims = claim;
    idle_claims.fetch_sub(1);
}

/// May the host not have the port yet? Of TCP the stack knows; of other streams it does not say, so they get time.
bool in_use_by_stack(const Claim& claim) {
    if (!is_stream(claim)) {
        return false;
    }
    const long in_use =
        stack::call(ALPINE_NR_port_in_use, claim.endpoint.key.protocol, ntohs(claim.endpoint.key.port_be));
    return in_use == 1 || (in_use < 0 && now_ns() < claim.idle_since_ns + kShutdownGraceNs);
}

/// Has the stack let go of an idle claim? Asked less and less often: most wait for the end of TIME_WAIT, a minute.
bool is_done_with(Claim& claim, long now) {
    if (now < claim.look_again_ns) {
        return false;
    }
    claim.look_again_ns = now + std::min((now - claim.idle_since_ns) / 2, kLongestLookNs);
    return !in_use_by_stack(claim);
}

void drop_user(Claim& claim) {
    if (--claim.users != 0) {
        return;
    }
    idle_claims.fetch_add(1);
    claim.idle_since_ns = now_ns();
    claim.look_again_ns = claim.idle_since_ns + kHousekeepingPeriodNs;
    if (in_use_by_stack(claim)) {
        return;
    }
    Claim** link = bucket_of(claim.endpoint.key.port_be);
    while (*link != &claim) {
        link = &(*link)->next;
    }
    give_back(link);
}

/// The claim for what the dummy was bound to: one we have, or a new one. Returns 0 or -errno.
long claim_bound_dummy(int fd, const alpine_endpoint& bound, Claim** claim) {
    Locked locked(claims_lock);
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

/// The claim for an endpoint that no dummy can be bound to, because the host lacks the protocol.
long claim_by_name(alpine_endpoint wanted, Claim** claim) {
    Locked locked(claims_lock);
    *claim = wanted.key.port_be != 0 ? find_covering(wanted) : nullptr;
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

/// The host refused to bind the dummy. If only because the port is ours already, the stack decides.
Claim* own_claim_in_the_way(const alpine_endpoint& wanted) {
    Locked locked(claims_lock);
    Claim* claim = wanted.key.port_be != 0 ? find_covering(wanted) : nullptr;
    if (claim != nullptr) {
        add_user(*claim);
    }
    return claim;
}

void unclaim(Claim* claim) {
    Locked locked(claims_lock);
    drop_user(*claim);
}

void set_port(sockaddr_storage& address, std::uint16_t port_be) {
    // sin_port and sin6_port stand at the same place.
    reinterpret_cast<sockaddr_in&>(address).sin_port = port_be;
}

bool is_only_v6(int fd) {
    int only = 0;
    socklen_t len = sizeof(only);
    stack_call(SYS_getsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, arg(&only), arg(&len));
    return only != 0;
}

/// Reads a program's address; false if it is none that has a port of the socket's family.
bool read_address(const OpenFile& file, const sockaddr* address, socklen_t len, sockaddr_storage& copy) {
    const std::size_t needed = file.family == AF_INET ? sizeof(sockaddr_in) : offsetof(sockaddr_in6, sin6_scope_id);
    if (address == nullptr || len < needed) {
        return false;
    }
    memset(&copy, 0, sizeof(copy));
    if (!guarded_copy(&copy, address, len < sizeof(copy) ? len : sizeof(copy))) {
        return false;
    }
    // bind(2) takes AF_UNSPEC with the IPv4 wildcard for AF_INET (net/ipv4/af_inet.c).
    if (file.family == AF_INET && copy.ss_family == AF_UNSPEC) {
        copy.ss_family = AF_INET;
    }
    return copy.ss_family == file.family;
}

long claim_for(int fd, OpenFile& file, sockaddr_storage& address, socklen_t len, Claim** claim, bool* host_bound) {
    alpine_endpoint wanted = endpoint_of(file.protocol, address);
    if (file.family == AF_INET6 && is_wildcard(wanted) && !is_v4(wanted) && !is_only_v6(fd)) {
        wanted.flags |= ALPINE_ENDPOINT_DUAL;
    }
    if (!file.host_bindable) {
        const long error = claim_by_name(wanted, claim);
        if (error == 0) {
            set_port(address, (*claim)->endpoint.key.port_be);
        }
        return error;
    }
    const long bound = raw_syscall(SYS_bind, fd, arg(&address), len);
    if (bound < 0) {
        *claim = bound == -EADDRINUSE ? own_claim_in_the_way(wanted) : nullptr;
        return *claim != nullptr ? 0 : bound;
    }
    *host_bound = true;
    sockaddr_storage actual{};
    socklen_t actual_len = sizeof(actual);
    raw_syscall(SYS_getsockname, fd, arg(&actual), arg(&actual_len));
    set_port(address, reinterpret_cast<sockaddr_in&>(actual).sin_port);
    wanted.key.port_be = reinterpret_cast<sockaddr_in&>(actual).sin_port;
    return claim_bound_dummy(fd, wanted, claim);
}

}  // namespace

long bind_and_claim(int fd, OpenFile& file, const sockaddr* address, socklen_t len) {
    if (lost_stack()) {
        explain_lost_stack();
        return -ENOTCONN;  // the dummy is the parent's too: binding it here would bind it there
    }
    sockaddr_storage copy;
    if (file.has_port || !read_address(file, address, len, copy)) {
        return stack_call(SYS_bind, fd, arg(address), len);  // which says what is wrong with it
    }
    len = len < sizeof(copy) ? len : sizeof(copy);
    Claim* claim = nullptr;
    bool host_bound = false;
    long error = claim_for(fd, file, copy, len, &claim, &host_bound);
    if (error == 0) {
        error = stack_call(SYS_bind, fd, arg(&copy), len);
        if (error < 0) {
            unclaim(claim);
        }
    }
    if (error < 0) {
        if (host_bound) {
            replace_dummy(fd, file);
        }
        return error;
    }
    file.dummy_bound = host_bound;
    file.claim = claim;
    file.has_port = true;
    return 0;
}

long ensure_port(int fd, OpenFile& file) {
    if (!file.ports || file.has_port.load(std::memory_order_acquire)) {
        return 0;
    }
    Locked locked(file.binding);
    if (file.has_port) {
        return 0;
    }
    sockaddr_storage any{};
    any.ss_family = file.family;
    const socklen_t len = file.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    long error = -EADDRINUSE;
    // What the host gives out is free there. Should the stack have something on it all the same, it gives another.
    for (int tries = 0; tries < kEphemeralTries && error == -EADDRINUSE; ++tries) {
        error = bind_and_claim(fd, file, reinterpret_cast<sockaddr*>(&any), len);
    }
    return error;
}

long claim_port(OpenFile& file, const sockaddr* address) {
    Locked locked(file.binding);
    sockaddr_storage any{};
    any.ss_family = file.family;
    set_port(any, reinterpret_cast<const sockaddr_in*>(address)->sin_port);
    alpine_endpoint wanted = endpoint_of(file.protocol, any);
    if (wanted.key.port_be == 0) {
        return -EINVAL;
    }
    wanted.flags = file.family == AF_INET6 ? ALPINE_ENDPOINT_DUAL : 0;
    const long error = claim_by_name(wanted, &file.claim);
    file.has_port = error == 0;
    return error;
}

void share_claim(OpenFile& listener, OpenFile& connection) {
    Locked locked(claims_lock);
    connection.has_port = true;
    connection.claim = listener.claim;
    if (connection.claim != nullptr) {
        add_user(*connection.claim);
    }
}

void drop_claim(OpenFile& file) {
    if (file.claim == nullptr) {
        return;
    }
    unclaim(file.claim);
    file.claim = nullptr;
}

void housekeeping() {
    if (idle_claims.load() == 0 || !stack::running()) {
        return;
    }
    Locked locked(claims_lock);
    const long now = now_ns();
    for (Claim*& bucket : buckets) {
        for (Claim** link = &bucket; *link != nullptr;) {
            if ((*link)->users == 0 && is_done_with(**link, now)) {
                give_back(link);
            } else {
                link = &(*link)->next;
            }
        }
    }
}

void housekeeping_now_and_then() {
    if (idle_claims.load(std::memory_order_relaxed) == 0) {
        return;
    }
    const long now = now_ns();
    long due = next_housekeeping_ns.load();
    if (now >= due && next_housekeeping_ns.compare_exchange_strong(due, now + kHousekeepingPeriodNs)) {
        housekeeping();
    }
}

void reset_claims_after_fork() {
    claims_lock.reset();
    free_claims = nullptr;
    idle_claims = 0;
    for (Claim*& bucket : buckets) {
        bucket = nullptr;
    }
}

}  // namespace alp::calls
