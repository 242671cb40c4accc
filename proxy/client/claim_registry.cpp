// SPDX-License-Identifier: GPL-2.0
#include "proxy/client/claim_registry.h"

#include <sys/mman.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cstring>

#include "base/raw_syscall.h"

namespace alp::proxy {
namespace {

constexpr std::size_t kFirstCapacity = 128;

bool same(const alpine_endpoint& a, const alpine_endpoint& b) {
    return std::memcmp(&a.key, &b.key, sizeof(a.key)) == 0 && a.flags == b.flags;
}

/// FNV-1a.
std::size_t hash_of(const alpine_endpoint& endpoint) {
    std::uint64_t hash = 0xcbf29ce484222325;
    const auto* bytes = reinterpret_cast<const unsigned char*>(&endpoint.key);
    for (std::size_t i = 0; i < sizeof(endpoint.key); ++i) {
        hash = (hash ^ bytes[i]) * 0x100000001b3;
    }
    return hash ^ (hash >> 32);
}

}  // namespace

/// The place of the endpoint, or the first never used one of its chain. There is always one: a quarter stays unused.
RegisteredClaim* ClaimRegistry::place_of(const alpine_endpoint& endpoint) {
    std::size_t i = hash_of(endpoint) & (capacity_ - 1);
    while (places_[i].used && !same(places_[i].endpoint, endpoint)) {
        i = (i + 1) & (capacity_ - 1);
    }
    return &places_[i];
}

/// Makes room, and throws out what was given up.
bool ClaimRegistry::grow() {
    std::size_t live = 0;
    for_each([&live](const RegisteredClaim&) { ++live; });
    const std::size_t capacity = std::max(live * 2 >= capacity_ ? capacity_ * 2 : capacity_, kFirstCapacity);
    const long memory = raw_syscall(SYS_mmap, 0, static_cast<long>(capacity * sizeof(RegisteredClaim)),
                                    PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0) {
        return false;
    }
    RegisteredClaim* const old = places_;
    const std::size_t old_capacity = capacity_;
    places_ = reinterpret_cast<RegisteredClaim*>(memory);
    capacity_ = capacity;
    used_ = live;
    for (std::size_t i = 0; i < old_capacity; ++i) {
        if (old[i].count != 0) {
            *place_of(old[i].endpoint) = old[i];
        }
    }
    if (old != nullptr) {
        raw_syscall(SYS_munmap, arg(old), static_cast<long>(old_capacity * sizeof(RegisteredClaim)));
    }
    return true;
}

bool ClaimRegistry::add(const alpine_endpoint& endpoint, int socket) {
    if ((used_ + 1) * 4 > capacity_ * 3 && !grow()) {
        return false;
    }
    RegisteredClaim* place = place_of(endpoint);
    if (!place->used) {
        ++used_;
    }
    if (place->count == 0) {
        *place = RegisteredClaim{endpoint, -1, 0, true, Accepting::unsaid};
    }
    ++place->count;
    place->socket = socket;
    return true;
}

void ClaimRegistry::remove(const alpine_endpoint& endpoint) {
    if (capacity_ == 0) {
        return;
    }
    if (RegisteredClaim* place = place_of(endpoint); place->count != 0) {
        --place->count;
    }
}

void ClaimRegistry::set_accepting(const alpine_endpoint& endpoint, bool accepts) {
    if (capacity_ == 0) {
        return;
    }
    if (RegisteredClaim* place = place_of(endpoint); place->count != 0) {
        place->accepting = accepts ? Accepting::yes : Accepting::no;
    }
}

void ClaimRegistry::forget_all() {
    places_ = nullptr;
    capacity_ = 0;
    used_ = 0;
}

}  // namespace alp::proxy
