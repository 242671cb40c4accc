// SPDX-License-Identifier: GPL-2.0
#include "calls/sites.h"

#include <link.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <algorithm>
#include <atomic>
#include <cstdint>

#include "base/raw_syscall.h"
#include "calls/lock.h"
#include "calls/stubs.h"
#include "calls/table.h"
#include "calls/text.h"

namespace alp::calls {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr unsigned kMaxSites = 8192; /* of one text */
constexpr long kEveryCall = -1;

Lock sites_lock;
std::atomic<unsigned> jumps{0};
std::atomic<unsigned> traps{0};
std::atomic<unsigned> left{0};
std::atomic<bool> libc_done{false};
std::atomic<bool> failed{false};

/// One text being worked on: writable while this lives.
class Writable {
public:
    Writable(Byte* text, std::size_t len) {
        start_ = reinterpret_cast<std::uintptr_t>(text) & ~(kPageBytes - 1);
        len_ = (reinterpret_cast<std::uintptr_t>(text) + len - start_ + kPageBytes - 1) & ~(kPageBytes - 1);
        ok_ = protect(PROT_READ | PROT_WRITE | PROT_EXEC) == 0;
    }
    ~Writable() {
        if (ok_) {
            protect(PROT_READ | PROT_EXEC);
        }
    }
    Writable(const Writable&) = delete;
    Writable& operator=(const Writable&) = delete;
    [[nodiscard]] bool ok() const { return ok_; }

private:
    long protect(int how) const {
        return raw_syscall(SYS_mprotect, static_cast<long>(start_), static_cast<long>(len_), how);
    }

    std::uintptr_t start_;
    std::size_t len_;
    bool ok_;
};

void put_jump(Byte* at, const Byte* to) {
    const auto distance = static_cast<std::int32_t>(to - (at + kJumpBytes));
    at[0] = 0xe9;
    memcpy(at + 1, &distance, sizeof(distance));
}

/// How a site is taken over.
enum class How : std::uint8_t { jump_for_number, jump_for_any, trap };

struct Site {
    Byte* at;
    How how;
};

/// What is to be done to one text.
struct Plan {
    Site sites[kMaxSites];
    unsigned count = 0;

    void add(Byte* at, How how) {
        if (count < kMaxSites) {
            sites[count++] = Site{at, how};
        } else {
            ++left;
        }
    }
};

void make_plan(Byte* text, const Byte* end, long only, Plan& plan) {
    static Checked checked;  // under the lock: too large for a stack
    checked.count = 0;
    plan.count = 0;
    for_each_syscall(text, end, [&](Byte* site) {
        if (const long number = number_right_before(text, site); number >= 0) {
            if (takes_over(number) && (only == kEveryCall || number == only)) {
                plan.add(site, How::jump_for_number);
            }
        } else if (only == kEveryCall && comparison_bytes(site + 2, end) != 0 && checked.add(site)) {
            plan.add(site, How::jump_for_any);
        } else if (only == kEveryCall && takes_over(number_before(text, site))) {
            plan.add(site, How::trap);
        }
    });
    note_jumps(text, end, checked);
    unsigned next = 0;
    for (unsigned i = 0; i < plan.count; ++i) {
        Site& site = plan.sites[i];
        // What a jump may lead into cannot be overwritten. It is trapped if its number can be told.
        if (site.how == How::jump_for_any && checked.is_target[next++]) {
            site.how = How::trap;
        }
    }
}

/// Brings the pages to be written to into memory, a few calls for all of them: one by one each costs a fault.
void populate(const Plan& plan) {
    constexpr std::uintptr_t kGap = 2 * kPageBytes;
    std::uintptr_t first = 0;
    std::uintptr_t last = 0;
    const auto flush = [&] {
        if (first != 0) {
            raw_syscall(SYS_madvise, static_cast<long>(first), static_cast<long>(last - first), MADV_POPULATE_WRITE);
        }
    };
    for (unsigned i = 0; i < plan.count; ++i) {
        const auto at = reinterpret_cast<std::uintptr_t>(plan.sites[i].at);
        const std::uintptr_t page = (at - kMovBytes) & ~(kPageBytes - 1);
        const std::uintptr_t after = ((at + kJumpBytes) & ~(kPageBytes - 1)) + kPageBytes;
        if (first == 0 || page > last + kGap) {
            flush();
            first = page;
        }
        last = after;
    }
    flush();
}

void jump_for_number(const Byte* text, Byte* site, StubPool& stubs) {
    const auto number = static_cast<int>(number_right_before(text, site));
    if (const Byte* stub = stubs.known_number(number, site + 2); stub != nullptr) {
        put_jump(site - kMovBytes, stub);
        ++jumps;
    } else {
        ++left;
    }
}

void jump_for_any(Byte* site, const Byte* end, StubPool& stubs) {
    const std::size_t comparison = comparison_bytes(site + 2, end);
    if (const Byte* stub = stubs.any_number(site + 2, comparison, site + 2 + comparison); stub != nullptr) {
        put_jump(site, stub);
        ++jumps;
    } else {
        ++left;
    }
}

void trap(const Byte* text, Byte* site) {
    if (takes_over(number_before(text, site))) {
        site[1] = 0x0b; /* ud2 */
        ++traps;
    }
}

/// `only`: a number, or kEveryCall.
void take_over(Byte* text, std::size_t len, long only) {
    Locked locked(sites_lock);
    static Plan plan;
    const Byte* end = text + len;
    make_plan(text, end, only, plan);
    if (plan.count == 0) {
        return;
    }
    const Writable writable(text, len);
    StubPool stubs(text, len);
    if (!writable.ok() || !stubs.ok()) {
        failed = true;
        return;
    }
    populate(plan);
    for (unsigned i = 0; i < plan.count; ++i) {
        const Site& site = plan.sites[i];
        switch (site.how) {
            case How::jump_for_number:
                jump_for_number(text, site.at, stubs);
                break;
            case How::jump_for_any:
                jump_for_any(site.at, end, stubs);
                break;
            case How::trap:
                trap(text, site.at);
                break;
        }
    }
}

int visit_object(dl_phdr_info* object, std::size_t, void*) {
    const char* name = object->dlpi_name;
    if (strstr(name, "linux-vdso") != nullptr) {
        return 0;
    }
    // Of the loader only how it maps code: what it does before and between all others needs no Alpine.
    const long only = strstr(name, "/ld-linux") != nullptr ? SYS_mmap : kEveryCall;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
            take_over(reinterpret_cast<Byte*>(object->dlpi_addr + segment.p_vaddr), segment.p_filesz, only);
        }
    }
    libc_done = libc_done || strstr(name, "/libc.so") != nullptr;
    return 0;
}

/// The first thing of all: other constructors may open sockets.
[[gnu::constructor(101)]] void take_over_loaded_objects() { dl_iterate_phdr(visit_object, nullptr); }

}  // namespace

void take_over_text(void* text, std::size_t len) { take_over(static_cast<Byte*>(text), len, kEveryCall); }

bool sites_taken_over() { return libc_done && !failed; }

SiteCount count_sites() { return SiteCount{jumps, traps, left}; }

bool serve_trap(void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto* at = reinterpret_cast<const Byte*>(registers[REG_RIP]);
    const long number = registers[REG_RAX];
    if (traps.load() == 0 || at[0] != 0x0f || at[1] != 0x0b || !takes_over(number)) {
        return false;
    }
    registers[REG_RAX] = call_by_number(number, registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                        registers[REG_R10], registers[REG_R8], registers[REG_R9]);
    registers[REG_RIP] += 2;
    return true;
}

void reset_sites_after_fork() { sites_lock.reset(); }

}  // namespace alp::calls
