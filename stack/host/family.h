// SPDX-License-Identifier: GPL-2.0
// The processes that share a stack: a family.
//
// Theory of operation
// -------------------
// Behind the stack's RAM, in the same memory object and at the same address in every process, lies a region of the
// host side's own. At its beginning stands who belongs to the family; the rest is for the users of the stack library
// (shared_memory() in stack.h).
//
// A process joins by being forked by a member, by exec of a member (its place is passed on), or by attaching. It leaves
// when it ends in order, by itself; if it is killed, the family's active keeper finds out by a pidfd and does it
// for it. A forked child that ends without having used the stack only says so, if its parent has all that it has: to
// run there would cost it a page fault for each page that the others have at hand. Whoever takes the CPU next does it
// for it, before anything else. Which of them is the last, and so the one to end the stack in order, is decided under
// the lock. Every member has a keeper thread. One of them is the active one, which holds a robust mutex for as long as
// it lives: when its process ends, in whatever way, the host's kernel wakes the next.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <cstdint>

#include "abi/stack.h"
#include "base/shared_lock.h"

namespace alp::stack {

/// The descriptors, by a process's own numbers, that another one needs to attach to its stack. -1: there is none.
struct FamilyDescriptors {
    int memory;  ///< the memory object of the arena
    int wire;
    int kick;
    int daemon[4];  ///< of the connection to alpined: itself, both ends of where a new one is handed over, and the far
                    ///< end of a classic wire
};

/// Values of Member::stage.
inline constexpr std::uint32_t kUsesStack = 0;
inline constexpr std::uint32_t kForked = 1;    ///< and has not used the stack yet
inline constexpr std::uint32_t kLeaving = 2;   ///< it never will: others end it
inline constexpr std::uint32_t kResigned = 3;  ///< about to end by itself

/// A process of the family. Zero: a free place. Changed under Family::lock, but for `stage` when it is not about
/// ending.
struct Member {
    alpine_task* group;     ///< its leader inside the stack; null: the place is free
    std::uint32_t process;  ///< host process id; 0: being forked
    std::uint32_t serial;   ///< tells one user of the place from the next
    std::uint32_t stage;    ///< atomic
    std::uint32_t closes;   ///< changes before and after it closes a descriptor of the stack. Atomic
    std::uint32_t parent;   ///< for a forked one: whose place that was ...
    std::uint32_t parent_serial;
    std::uint32_t parent_closes;  ///< ... and its `closes` before the fork
    FamilyDescriptors descriptors;
};

/// Values of Family::use.
enum : std::uint32_t {
    kUsed = 0,        ///< the stack has run since the mirror last looked
    kUnused = 1,      ///< it has not
    kSleepsOnUse = 2  ///< and whoever resumes it rings `use_bell`
};

struct Family {
    static constexpr std::size_t kMaxMembers = 16384;

    std::uint64_t layout;         ///< of this structure and what follows it: the same build has the same
    char image_path[512];         ///< of the stack image
    std::uint64_t keeper_bell;    ///< name of the active keeper's address, see bell.h
    pthread_mutex_t keeper_lock;  ///< robust; held by the active keeper
    SharedLock lock;
    std::uint32_t count;       ///< members
    std::uint32_t end;         ///< one past the last place in use
    std::uint32_t generation;  ///< changes whenever a member comes or goes
    std::uint32_t last_serial;
    std::uint32_t starved;   ///< of the token, see token.h
    std::uint32_t leavers;   ///< not less than there are members that are leaving. Atomic
    std::uint32_t waits;     ///< grows whenever a program's thread sees to the wire. Written with the token
    std::uint32_t use;       ///< atomic
    std::uint64_t use_bell;  ///< name of an address, see bell.h
    std::uint64_t rung_ns;   ///< when the keeper was last told of a fork. Atomic
    Member members[kMaxMembers];

    /// As the first process makes it: zeroed memory.
    void initialize(std::uint64_t layout_id, const char* image);

    /// A place for the process of which `member` tells all but its number, or null: the family is full. `self`: the
    /// calling thread.
    Member* add(Member member, std::uint32_t self);

    /// The member, the calling process, ends: its stage is to be kLeaving or kResigned. False: it is the last that does
    /// not, and nothing has changed.
    [[nodiscard]] bool resign(Member* member, std::uint32_t stage, std::uint32_t self);
    /// The member of that serial has said that it leaves, and does not, after all. False: others have ended it.
    [[nodiscard]] bool take_back(Member* member, std::uint32_t serial, std::uint32_t self);
    /// Has the forked member what its parent may not have any more?
    [[nodiscard]] bool is_sole_owner(const Member& member) const;
    /// Removes one that is leaving. Its leader; null: there is none, and `leavers` says so.
    alpine_task* remove_leaver(std::uint32_t self);
    /// Are there forked processes that have not used the stack yet?
    [[nodiscard]] bool has_forked() const;
    /// Is there no more than one process that does not end?
    [[nodiscard]] bool is_alone() const;

    /// The member of that serial has ended, or will have in a moment. Its leader; null: it was gone already.
    alpine_task* remove(Member* member, std::uint32_t serial, std::uint32_t self);

    /// The member of that serial, being forked, is this process. Both it and its parent say so.
    /// A child has its parent's descriptors.
    void name(Member* member, std::uint32_t serial, std::uint32_t process, std::uint32_t self);

private:
    alpine_task* take_out(Member& member);
    [[nodiscard]] bool stays(const Member& member) const;
};

/// Bytes behind the stack's RAM that all processes of a family share. Address space; touched as it is used.
inline constexpr std::size_t kFamilyBytes = 32UL << 20;

}  // namespace alp::stack
