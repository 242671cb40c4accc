// SPDX-License-Identifier: GPL-2.0
// What alpined has refused, by process and reason.
#pragma once

#include <sys/socket.h>
#include <sys/types.h>

#include <compare>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

#include "base/result.h"

namespace alp::proxy {

/// All refusals of one reason that one process has met. Stays when the process is gone.
struct Refusal {
    std::uint64_t number = 0;  ///< in the order in which processes met their first one; never 0, never used again
    pid_t pid = 0;
    uid_t uid = 0;
    int error = 0;  ///< errno
    std::uint64_t count = 0;
    std::string comm;       ///< name of the program whose stack it was; empty: none
    std::string last_line;  ///< the last one's line for a person
};

class Refusals {
public:
    /// Of each user; the one that has not been met for the longest goes first. A user cannot push out another's.
    static constexpr std::size_t kMostOfOneUser = 64;

    void add(const ucred& who, const std::string& comm, const Error& error);

    /// The next record after `number` that `viewer` may see (its own; root: all), or null. Valid until the next add().
    [[nodiscard]] const Refusal* next(std::uint64_t number, uid_t viewer) const;

    /// Of all times, also those whose record has gone.
    [[nodiscard]] std::uint64_t total() const { return total_; }

private:
    struct Key {
        uid_t uid;
        pid_t pid;
        int error;
        auto operator<=>(const Key&) const = default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 errs
    };
    struct Entry {
        Refusal refusal;
        std::uint64_t last_met = 0;  ///< total_ at that time
    };

    void make_room(uid_t uid);

    std::map<Key, Entry> entries_;
    std::uint64_t total_ = 0;
    std::uint64_t last_number_ = 0;
};

}  // namespace alp::proxy
