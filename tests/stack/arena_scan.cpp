// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// The arena's pages that have ever been touched are found with mincore() on its shared memory. A kernel stack is a
// 32 KiB block, aligned to its size, whose thread_info points to a task_struct that points back to the block
// (thread_info.task at 16, task_struct.stack at 8; arch/alpine/include/asm/thread_info.h, include/linux/sched.h).
// A call block is recognised by its owner: the id of a thread, at offset 8 of a struct alpine_task.
#include "tests/stack/arena_scan.h"

#include <sys/mman.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "abi/stack.h"
#include "stack/host/family.h"
#include "stack/host/image.h"

namespace alp::stack {

namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kKernelStack = 32768;
constexpr std::uint64_t kThreadInfoTask = 16;
constexpr std::uint64_t kTaskStack = 8;

struct Mapping {
    std::uint64_t start;
    std::uint64_t end;
    std::string line;
    bool shared_write;
};

std::vector<Mapping> mappings() {
    std::vector<Mapping> found;
    std::ifstream maps("/proc/self/maps");
    for (std::string line; std::getline(maps, line);) {
        Mapping mapping{};
        char dash = 0;
        std::string permissions;
        std::istringstream words(line);
        words >> std::hex >> mapping.start >> dash >> mapping.end >> permissions;
        mapping.shared_write = permissions.size() == 4 && permissions[1] == 'w' && permissions[3] == 's';
        mapping.line = line;
        found.push_back(mapping);
    }
    return found;
}

bool of_stack(const Mapping& mapping) {
    return mapping.start >= ALPINE_IMAGE_BASE && mapping.start < ALPINE_IMAGE_BASE + (1ULL << 40);
}

std::uint64_t word_at(std::uint64_t address) { return *reinterpret_cast<const std::uint64_t*>(address); }

class Scan {
public:
    Scan() {
        for (const Mapping& mapping : mappings()) {
            if (!of_stack(mapping)) {
                private_.push_back(mapping);
            } else if (mapping.shared_write) {
                arena_start_ = arena_start_ == 0 ? mapping.start : arena_start_;
                arena_end_ = mapping.end;
            }
        }
        resident_.resize((arena_end_ - arena_start_) / kPage);
        mincore(reinterpret_cast<void*>(arena_start_), arena_end_ - arena_start_, resident_.data());
    }

    std::vector<ArenaPointer> run() {
        for (std::uint64_t page = arena_start_; page < arena_end_; page += kPage) {
            if (is_resident(page) && !is_kernel_stack(page)) {
                scan_page(page);
            }
        }
        return std::move(found_);
    }

private:
    [[nodiscard]] bool in_arena(std::uint64_t address) const {
        return address >= arena_start_ && address + 64 < arena_end_;
    }

    [[nodiscard]] bool is_resident(std::uint64_t address) const {
        return (resident_[(address - arena_start_) / kPage] & 1) != 0;
    }

    [[nodiscard]] bool is_kernel_stack(std::uint64_t page) const {
        const std::uint64_t block = page & ~(kKernelStack - 1);
        if (!in_arena(block) || !is_resident(block)) {
            return false;
        }
        const std::uint64_t task = word_at(block + kThreadInfoTask);
        return task % 8 == 0 && in_arena(task) && word_at(task + kTaskStack) == block;
    }

    [[nodiscard]] const Mapping* target(std::uint64_t value) const {
        const auto hit = std::find_if(private_.begin(), private_.end(), [value](const Mapping& mapping) {
            return value >= mapping.start && value < mapping.end;
        });
        return hit == private_.end() ? nullptr : &*hit;
    }

    /// Is this word one of the six arguments in the call block of a program's task?
    [[nodiscard]] bool is_call_argument(std::uint64_t address) const {
        for (std::uint64_t index = 0; index < 6; ++index) {
            const std::uint64_t block = address - offsetof(alpine_task, args) - index * sizeof(std::uint64_t);
            if (in_arena(block) && looks_like_call_block(block)) {
                return true;
            }
        }
        return false;
    }

    [[nodiscard]] static bool looks_like_call_block(std::uint64_t address) {
        const auto* task = reinterpret_cast<const alpine_task*>(address);
        const bool plausible_thread = task->owner > 1 && task->owner < (1ULL << 22);
        const bool plausible_call = task->number >= -1 && task->number < (1 << 20);
        return plausible_thread && plausible_call && task->wants_in <= 1 && task->turn <= 7 && task->parked <= 1;
    }

    /// A robust mutex is on the list of the thread that holds it, of which the host's kernel makes use in that process.
    [[nodiscard]] static bool is_in_keeper_lock(std::uint64_t address) {
        const auto lock =
            reinterpret_cast<std::uint64_t>(&static_cast<stack::Family*>(stack::family_region())->keeper_lock);
        return address >= lock && address < lock + sizeof(stack::Family::keeper_lock);
    }

    void scan_page(std::uint64_t page) {
        for (std::uint64_t address = page; address < page + kPage; address += sizeof(std::uint64_t)) {
            const std::uint64_t value = word_at(address);
            const Mapping* mapping = value < kPage ? nullptr : target(value);
            if (mapping != nullptr && !is_call_argument(address) && !is_in_keeper_lock(address)) {
                found_.push_back({address, value, mapping->line});
            }
        }
    }

    std::vector<Mapping> private_;
    std::uint64_t arena_start_ = 0;
    std::uint64_t arena_end_ = 0;
    std::vector<unsigned char> resident_;
    std::vector<ArenaPointer> found_;
};

}  // namespace

std::vector<ArenaPointer> find_private_pointers() { return Scan().run(); }

}  // namespace alp::stack
