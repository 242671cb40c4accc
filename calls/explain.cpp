// SPDX-License-Identifier: GPL-2.0
#include "calls/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>

#include <algorithm>
#include <atomic>

#include "base/raw_syscall.h"
#include "calls/process.h"
#include "calls/sites.h"
#include "calls/table.h"
#include "stack/host/private_fd.h"

namespace alp::calls {

bool explaining;

namespace {

constexpr int kReasons = 8; /* of one call and verdict; what has no room of its own is counted without a reason */

struct Reason {
    std::atomic<const char*> text;
    std::atomic<unsigned long> count;
};

/// What became of all calls of one number.
struct Row {
    std::atomic<unsigned long> by[3]; /* by Verdict */
    std::atomic<unsigned long> errors;
    Reason reasons[3][kReasons];
};

Row rows[kTableCalls];
std::atomic<bool> printed{false};
int output = 2;  ///< a copy of standard error of our own: many programs close theirs before they end

void count_reason(Reason* reasons, const char* text) {
    for (int i = 0; i < kReasons; ++i) {
        const char* seen = reasons[i].text.load();
        if (seen == nullptr && reasons[i].text.compare_exchange_strong(seen, text)) {
            seen = text;
        }
        if (seen == text || strcmp(seen, text) == 0) {
            reasons[i].count.fetch_add(1);
            return;
        }
    }
}

/// Why a call mostly goes to the host.
const char* usual_reason(long number) {
    switch (number) {
        case SYS_open:
        case SYS_openat:
        case SYS_openat2:
        case SYS_creat:
        case SYS_stat:
        case SYS_lstat:
        case SYS_newfstatat:
        case SYS_statx:
        case SYS_access:
        case SYS_faccessat:
        case SYS_faccessat2:
        case SYS_readlink:
        case SYS_readlinkat:
            return "the path is the host's";
        case SYS_execve:
        case SYS_execveat:
            return "programs are started by the host";
        case SYS_mmap:
        case SYS_munmap:
            return "no ring of the stack's";
        case SYS_rt_sigaction:
        case SYS_rt_sigprocmask:
            return "signals are the host's";
        case SYS_epoll_create:
        case SYS_epoll_create1:
            return "the stack gets its half when it is first needed";
        case SYS_poll:
        case SYS_ppoll:
        case SYS_select:
        case SYS_pselect6:
            return "all descriptors are the host's";
        default:
            return "the descriptor is the host's";
    }
}

void write_out(const char* line, int len) {
    if (len > 0) {
        raw_syscall(SYS_write, output, arg(line), len);
    }
}

/// "12 AF_UNIX is the host's; 3 ...": the reasons of one verdict.
int append_reasons(char* out, std::size_t room, const Reason* reasons, const char* prefix) {
    int used = 0;
    for (int i = 0; i < kReasons && reasons[i].text.load() != nullptr; ++i) {
        const int more = snprintf(out + used, room - static_cast<std::size_t>(used), "%s%lu %s",
                                  used == 0 ? prefix : "; ", reasons[i].count.load(), reasons[i].text.load());
        used = std::min(used + more, static_cast<int>(room) - 1);
    }
    return used;
}

void print_row(long number, const Row& row) {
    char why[1024] = "";
    int used = append_reasons(why, sizeof(why), row.reasons[static_cast<int>(Verdict::refused)], "refused: ");
    if (used > 0 && used + 2 < static_cast<int>(sizeof(why))) {
        why[used++] = ' ';
        why[used++] = ' ';
    }
    append_reasons(why + used, sizeof(why) - static_cast<std::size_t>(used),
                   row.reasons[static_cast<int>(Verdict::host)], "host: ");
    char line[1200];
    const int len =
        snprintf(line, sizeof(line), "  %-16s %10lu %10lu %10lu %10lu  %s\n", name_of_call(number),
                 row.by[static_cast<int>(Verdict::stack)].load(), row.by[static_cast<int>(Verdict::host)].load(),
                 row.by[static_cast<int>(Verdict::refused)].load(), row.errors.load(), why);
    write_out(line, std::min(len, static_cast<int>(sizeof(line)) - 1));
}

[[gnu::constructor]] void read_environment() {
    const char* wanted = getenv("ALPINE_EXPLAIN");
    explaining = wanted != nullptr && strcmp(wanted, "1") == 0;
    if (const long copy = explaining ? raw_syscall(SYS_dup, 2) : -1; copy >= 0) {
        output = stack::adopt_private_fd(static_cast<int>(copy));
    }
}

}  // namespace

void count_call(long number, Verdict verdict, const char* reason, long result) {
    if (static_cast<unsigned long>(number) >= kTableCalls) {
        return;
    }
    Row& row = rows[number];
    row.by[static_cast<int>(verdict)].fetch_add(1, std::memory_order_relaxed);
    if (result < 0 && verdict != Verdict::refused) {
        row.errors.fetch_add(1, std::memory_order_relaxed);
    }
    if (verdict != Verdict::stack) {
        count_reason(row.reasons[static_cast<int>(verdict)], reason != nullptr ? reason : usual_reason(number));
    }
}

void reset_explanation_after_fork() {
    if (!explaining) {
        return;  // what is not touched is not copied
    }
    printed = false;
    for (Row& row : rows) {
        for (auto& count : row.by) {
            count = 0;
        }
        row.errors = 0;
        for (auto& reasons : row.reasons) {
            for (Reason& reason : reasons) {
                reason.count = 0;
            }
        }
    }
}

void print_explanation() {
    if (!explaining || is_foreign_process() || printed.exchange(true)) {
        return;
    }
    char line[256];
    int len = snprintf(line, sizeof(line), "alpine: calls of process %ld (%s)\n", raw_syscall(SYS_getpid),
                       program_invocation_short_name);
    write_out(line, std::min(len, static_cast<int>(sizeof(line)) - 1));
    len = snprintf(line, sizeof(line), "  %-16s %10s %10s %10s %10s  %s\n", "call", "stack", "host", "refused",
                   "errors", "why");
    write_out(line, len);
    for (long number = 0; number < kTableCalls; ++number) {
        const Row& row = rows[number];
        if (row.by[0].load() + row.by[1].load() + row.by[2].load() != 0) {
            print_row(number, row);
        }
    }
    const SiteCount sites = count_sites();
    len = snprintf(line, sizeof(line),
                   "  %u call sites inside libraries are taken over (%u by a trap), %u are left to the host\n",
                   sites.jumps + sites.traps, sites.traps, sites.left);
    write_out(line, len);
}

}  // namespace alp::calls
