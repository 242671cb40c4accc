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
#include "base/resident.h"
#include "calls/boundary.h"
#include "calls/lock.h"
#include "calls/process.h"
#include "calls/stubs.h"
#include "calls/table.h"
#include "calls/text.h"

namespace alp::calls {

namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr unsigned kMaxSites = 8192; /* of one text */

Lock sites_lock;
Lock loading_lock;  // for the first look at all that is loaded
std::atomic<unsigned> jumps{0};
std::atomic<unsigned> traps{0};
std::atomic<unsigned> left{0};
constexpr unsigned kMaxUnknown = 512;
Byte* unknown[kMaxUnknown];
unsigned unknown_count = 0;
constexpr unsigned kMaxTraps = 4096;
const Byte* trap_sites[kMaxTraps];
std::atomic<bool> libc_seen{false};
std::atomic<bool> libc_taken_over{false};
std::atomic<bool> loaded_objects_done{false};

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
enum class How : std::uint8_t { jump_for_number, jump_for_exit, jump_for_any, new_process, trap };

struct Site {
    Byte* at;
    How how;
};

/// Which sites of a text are meant.
enum class Scope : std::uint8_t { mappings_only, all, all_and_unknown };

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

/// A call that passes Alpine by is only bad if it is about a descriptor, and a trap is slow and stops debuggers.
/// (pthread_create() blocks and unblocks signals by such sites.)
bool is_worth_a_trap(long number) {
    return takes_over(number) && number != SYS_rt_sigprocmask && number != SYS_rt_sigaction && number != SYS_mmap &&
           number != SYS_munmap && number != SYS_exit_group && number != SYS_exit;
}

/// To be decided about later.
void note_unknown(Byte* site) {
    if (unknown_count < kMaxUnknown) {
        unknown[unknown_count++] = site;
        unknown_sites = true;
    } else {
        ++left;
    }
}

void make_plan(Byte* text, const Byte* end, Scope scope, Plan& plan) {
    static Checked checked;  // under the lock: too large for a stack
    checked.count = 0;
    plan.count = 0;
    for_each_syscall(text, end, [&](Byte* site) {
        if (const long number = number_right_before(text, site); number >= 0) {
            if (is_clone(number) && scope != Scope::mappings_only) {
                plan.add(site, How::new_process);
            } else if (takes_over(number) && (scope != Scope::mappings_only || number == SYS_mmap)) {
                plan.add(site, How::jump_for_number);
            }
        } else if (scope != Scope::mappings_only && comparison_bytes(site + 2, end) != 0 && checked.add(site)) {
            plan.add(site, How::jump_for_any);
        } else if (scope == Scope::all && is_thread_end(text, site, end)) {
            plan.add(site, How::jump_for_exit);
        } else if (const long before = number_before(text, site); before < 0 || is_worth_a_trap(before)) {
            // Two bytes of anybody's code may be part of another instruction. Not so in libc, which was looked through.
            if (scope == Scope::all && before >= 0) {
                plan.add(site, How::trap);
            } else if (scope == Scope::all_and_unknown && !is_signal_return(text, site)) {
                note_unknown(site);
            }
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

void jump_for_exit(Byte* site, StubPool& stubs) {
    if (const Byte* stub = stubs.known_number(SYS_exit, site - kThreadEndBefore); stub != nullptr) {
        put_jump(site - kThreadEndBefore, stub);
        ++jumps;
    } else {
        ++left;
    }
}

void jump_for_new_process(const Byte* text, Byte* site, StubPool& stubs) {
    const auto number = static_cast<int>(number_right_before(text, site));
    if (const Byte* stub = stubs.new_process(number, site + 2); stub != nullptr) {
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

void trap(Byte* site) {
    const unsigned count = traps.load();
    if (count == kMaxTraps) {
        ++left;
        return;
    }
    trap_sites[count] = site;
    traps.store(count + 1);
    site[1] = 0x0b; /* ud2 */
}

bool is_trap(const Byte* at) {
    const Byte** end = trap_sites + traps.load();
    return std::find(trap_sites, end, at) != end;
}

/// False if the text cannot be changed.
bool take_over(Byte* text, std::size_t len, Scope scope) {
    Locked locked(sites_lock);
    static Plan plan;
    const Byte* end = text + len;
    make_plan(text, end, scope, plan);
    if (plan.count == 0) {
        return true;
    }
    const Writable writable(text, len);
    StubPool stubs(text, len);
    if (!writable.ok() || !stubs.ok()) {
        left += plan.count;
        return false;
    }
    populate(plan);
    for (unsigned i = 0; i < plan.count; ++i) {
        const Site& site = plan.sites[i];
        switch (site.how) {
            case How::jump_for_number:
                jump_for_number(text, site.at, stubs);
                break;
            case How::jump_for_exit:
                jump_for_exit(site.at, stubs);
                break;
            case How::new_process:
                jump_for_new_process(text, site.at, stubs);
                break;
            case How::jump_for_any:
                jump_for_any(site.at, end, stubs);
                break;
            case How::trap:
                if (is_worth_a_trap(number_before(text, site.at))) {
                    trap(site.at);
                } else {
                    ++left;
                }
                break;
        }
    }
    return true;
}

/// Does this segment hold libalpine.so itself?
bool is_own(const Byte* text, std::size_t len) {
    const auto* own = reinterpret_cast<const Byte*>(&take_over_text);
    return own >= text && own < text + len;
}

int visit_object(dl_phdr_info* object, std::size_t, void*) {
    const char* name = object->dlpi_name;
    if (strstr(name, "linux-vdso") != nullptr) {
        return 0;
    }
    // Of the loader only how it maps code: what it does before and between all others needs no Alpine.
    const bool is_libc = strstr(name, "/libc.so") != nullptr;
    const Scope scope = strstr(name, "/ld-linux") != nullptr ? Scope::mappings_only
                        : is_libc                            ? Scope::all
                                                             : Scope::all_and_unknown;
    bool done = true;
    for (int i = 0; i < object->dlpi_phnum; ++i) {
        const auto& segment = object->dlpi_phdr[i];
        if (segment.p_type == PT_LOAD && (segment.p_flags & PF_X) != 0) {
            auto* text = reinterpret_cast<Byte*>(object->dlpi_addr + segment.p_vaddr);
            if (name[0] != '\0' && is_own(text, segment.p_filesz)) {
                have_forks_copy(text, segment.p_filesz);
                continue;
            }
            // A program that is linked with libalpine.a is looked through all the same.
            done = take_over(text, segment.p_filesz, scope) && done;
            forget_clean_pages(text, segment.p_filesz);
        }
    }
    if (is_libc) {
        libc_taken_over = done && (libc_taken_over || !libc_seen);
        libc_seen = true;
    }
    return 0;
}

[[gnu::constructor(101)]] void at_load() {
    settle_side_stacks();
    take_over_loaded_objects();
}

}  // namespace

std::atomic<bool> unknown_sites{false};

void take_over_text(void* text, std::size_t len) { take_over(static_cast<Byte*>(text), len, Scope::all_and_unknown); }

void take_over_loaded_objects() {
    if (loaded_objects_done.load(std::memory_order_acquire)) {
        return;
    }
    {
        Locked locked(loading_lock);
        if (loaded_objects_done) {
            return;
        }
        dl_iterate_phdr(visit_object, nullptr);
        loaded_objects_done = true;
    }
    settle_unknown_sites();
}

void settle_unknown_sites() {
    while (unknown_sites.exchange(false)) {
        Byte* sites[kMaxUnknown];
        unsigned count = 0;
        {
            Locked locked(sites_lock);
            count = unknown_count;
            std::copy_n(unknown, count, sites);
            unknown_count = 0;
        }
        for (unsigned i = 0; i < count; ++i) {
            // Finding out may load a library, whose text is then looked through: no lock is held.
            const Boundary boundary = starts_instruction(sites[i]);
            if (boundary == Boundary::no) {
                continue;
            }
            Locked locked(sites_lock);
            const Writable writable(sites[i], 2);
            if (boundary == Boundary::yes && writable.ok()) {
                trap(sites[i]);
            } else {
                ++left;
            }
        }
    }
}

bool has_shared_libc() { return libc_seen; }

bool sites_taken_over() { return libc_taken_over; }

SiteCount count_sites() { return SiteCount{jumps, traps, left}; }

bool serve_trap(void* context) {
    auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
    const auto* at = reinterpret_cast<const Byte*>(registers[REG_RIP]);
    if (!is_trap(at)) {
        return false;
    }
    registers[REG_RAX] = call_by_number(registers[REG_RAX], registers[REG_RDI], registers[REG_RSI], registers[REG_RDX],
                                        registers[REG_R10], registers[REG_R8], registers[REG_R9]);
    registers[REG_RIP] += 2;
    return true;
}

void reset_sites_after_fork() {
    sites_lock.reset();
    loading_lock.reset();
}

}  // namespace alp::calls
