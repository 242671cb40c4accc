// SPDX-License-Identifier: GPL-2.0
// What a client has claimed: what it must name again to an alpined that was restarted.
//
// A hash table in memory of its own (mmap), because it is used by a thread that must not touch the program's heap; or
// in memory that it is given, which processes share.
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

/// Not thread-safe. Nothing is freed at the end: it lives as long as its process. Zeroed memory is an empty one.
class ClaimRegistry {
public:
    ClaimRegistry() = default;
    ClaimRegistry(const ClaimRegistry&) = delete;
    ClaimRegistry& operator=(const ClaimRegistry&) = delete;

    /// Before the first claim: keeps everything in this memory, zeroed and not to be freed, and never asks for more.
    void use_memory(void* memory, std::size_t len_bytes);

    /// One claim more. False: there is no memory.
    bool add(const alpine_endpoint& endpoint, int socket);

    /// One claim less, if there is any.
    void remove(const alpine_endpoint& endpoint);

    /// What there is of a claim, if there is one, has been said or will be.
    void set_accepting(const alpine_endpoint& endpoint, bool accepts);

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
    RegisteredClaim* memory_for(std::size_t capacity);

    RegisteredClaim* given_ = nullptr;
    std::size_t given_capacity_ = 0;
    RegisteredClaim* places_ = nullptr;
    std::size_t capacity_ = 0;  // a power of two
    std::size_t used_ = 0;
};

}  // namespace alp::proxy
