// SPDX-License-Identifier: GPL-2.0
// What a client has claimed: what it must name again to an alpined that was restarted.
//
// A hash table in memory of its own (mmap): it is used by a thread that must not touch the program's heap.
#pragma once

#include <cstddef>
#include <cstdint>

#include "abi/proxy.h"

namespace alp::proxy {

/// What was last said of taking new connections.
enum class Accepting : std::uint8_t { unsaid, no, yes };

/// Claims of one endpoint.
struct RegisteredClaim {
    alpine_endpoint endpoint;
    int socket;           ///< the descriptor that the (last) claim was made with, by now perhaps another file's; or -1
    std::uint32_t count;  ///< claims not yet released; 0: an empty place, or one that was given up
    bool used;            ///< there may be more of the same chain behind it
    Accepting accepting;
};

/// Not thread-safe. Nothing is freed at the end: it lives as long as its process.
class ClaimRegistry {
public:
    ClaimRegistry() = default;
    ClaimRegistry(const ClaimRegistry&) = delete;
    ClaimRegistry& operator=(const ClaimRegistry&) = delete;

    /// One claim more. False: there is no memory.
    bool add(const alpine_endpoint& endpoint, int socket);

    /// One claim less, if there is any.
    void remove(const alpine_endpoint& endpoint);

    /// What there is of a claim, if there is one, has been said or will be.
    void set_accepting(const alpine_endpoint& endpoint, bool accepts);

    /// In a forked child: the claims are the parent's.
    void forget_all();

    /// Calls `visit(RegisteredClaim&)` for each endpoint with claims. The visit may change socket and count.
    template <typename Visit>
    void for_each(Visit visit) {
        for (std::size_t i = 0; i < capacity_; ++i) {
            if (places_[i].count != 0) {
                visit(places_[i]);
            }
        }
    }

private:
    RegisteredClaim* place_of(const alpine_endpoint& endpoint);
    bool grow();

    RegisteredClaim* places_ = nullptr;
    std::size_t capacity_ = 0;  // a power of two
    std::size_t used_ = 0;
};

}  // namespace alp::proxy
