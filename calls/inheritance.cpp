// SPDX-License-Identifier: GPL-2.0
#include "calls/inheritance.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/raw_syscall.h"
#include "calls/adopted.h"
#include "calls/claims.h"
#include "calls/descriptors.h"
#include "calls/groups.h"
#include "calls/guard.h"
#include "calls/process.h"
#include "calls/stack_call.h"
#include "calls/startup.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr char kJoin[] = "ALPINE_JOIN=";
constexpr char kNewFamily[] = "ALPINE_NEW_FAMILY=";
constexpr char kPreload[] = "LD_PRELOAD=";
constexpr int kMaxVariables = 65536;

const char* own_path = "";
bool per_family;

/// Takes a variable out of the environment, where the program finds it in main() as well. Its value; null: it is not
/// there. Not by unsetenv(): a shell has a function of that name for itself.
const char* remove_variable(const char* name) {
    const std::size_t len = strlen(name);
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        if (strncmp(*entry, name, len) == 0 && (*entry)[len] == '=') {
            const char* value = *entry + len + 1;
            for (char** next = entry; *next != nullptr; ++next) {
                next[0] = next[1];
            }
            return value;
        }
    }
    return nullptr;
}

[[gnu::constructor(101)]] void look_at_environment() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&look_at_environment), &info) != 0 && info.dli_fname != nullptr) {
        own_path = info.dli_fname;
    }
    const char* per = getenv("ALPINE_STACK_PER");
    per_family = per == nullptr || strcmp(per, "process") != 0;
    remove_variable("ALPINE_NEW_FAMILY");
}

/// Is the new program to begin a family of its own, whatever this process has? (`alp run`)
bool begins_family(char* const* environment) {
    const char* entry = nullptr;
    for (int i = 0; i < kMaxVariables && guarded_copy(&entry, environment + i, sizeof(entry)) && entry != nullptr;
         ++i) {
        char head[sizeof(kNewFamily)] = "";
        static_cast<void>(guarded_string(head, entry, sizeof(head)));
        if (memcmp(head, kNewFamily, sizeof(kNewFamily) - 1) == 0) {
            return true;
        }
    }
    return false;
}

bool is_vfork_or_runs() { return vfork_seat() != nullptr || (stack::running() && !is_foreign_process()); }

stack::Passage own_passage() {
    const stack::Fork* seat = vfork_seat();
    return seat != nullptr ? stack::passage_of(*seat) : stack::passage();
}

void close_in_stack(int fd) {
    stack::note_close();
    stack_call(SYS_close, fd);
    if (vfork_seat() == nullptr) {
        if (OpenFile* last = remove(fd); last != nullptr) {
            drop_claim(*last);
            leave_groups(*last);
            recycle(last);
        }
    }
}

/// Closes in the stack what exec will close on the host. True: something stays open.
bool keep_what_stays_open(bool reached) {
    bool any = false;
    for_each_stack_descriptor([&](int fd) {
        const long flags = raw_syscall(SYS_fcntl, fd, F_GETFD);
        if (flags < 0 || (flags & FD_CLOEXEC) != 0 || !reached) {
            close_in_stack(fd);
        } else {
            any = true;
        }
    });
    return any;
}

}  // namespace

bool one_stack_per_family() { return per_family; }

const char* take_variable(const char* name) {
    static char copy[192];
    const char* value = remove_variable(name);
    if (value == nullptr) {
        return nullptr;
    }
    strncpy(copy, value, sizeof(copy) - 1);
    return copy;
}

Departure::Departure(char* const* environment, bool reached) : environment_(environment) {
    if (pending_passage() != nullptr && !is_foreign_process()) {
        if (reached && !begins_family(environment) && extend_environment(pending_passage())) {
            joins_ = true;
            for_each_pending([](int fd) { raw_syscall(SYS_fcntl, fd, F_SETFD, 0); });
        }
        return;
    }
    if (!is_vfork_or_runs() || stack::ended()) {
        return;
    }
    const bool stays = reached && !begins_family(environment);
    const bool inherits = keep_what_stays_open(stays);
    name_passage(inherits);
    joins_ = (inherits || per_family) && stays && extend_environment(passage_);
    if (joins_) {
        if (const stack::Fork* seat = vfork_seat(); seat != nullptr && !inherits) {
            stack::settle_child(*seat);
        }
        for_each_of_passage(own_passage(), daemon_descriptors(),
                            [](int fd) { raw_syscall(SYS_fcntl, fd, F_SETFD, 0); });
    } else {
        left_ = true;
        end_part_in_stack();
    }
}

Departure::~Departure() {
    if (extended_ != nullptr) {
        raw_syscall(SYS_munmap, arg(extended_), static_cast<long>(extended_bytes_));
    }
}

void Departure::undo() {
    const auto close_on_exec = [](int fd) { raw_syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC); };
    if (joins_ && pending_passage() != nullptr) {
        for_each_pending(close_on_exec);
    } else if (joins_) {
        for_each_of_passage(own_passage(), daemon_descriptors(), close_on_exec);
    }
    if (left_) {
        exiting = false;
        thread_state.exempt_from_exit = false;
    }
}

void Departure::name_passage(bool inherits) {
    const stack::Passage passage = own_passage();
    const DaemonDescriptors daemon = daemon_descriptors();
    snprintf(passage_, sizeof(passage_), "%s%s%d,%d,%d,%d,%d,%d,%d,%ld,%ld", kJoin, inherits ? "" : kLater,
             passage.memory_fd, passage.wire_fd, passage.kick_fd, daemon.connection, daemon.receive, daemon.send,
             daemon.far_end, passage.place, passage.serial);
}

/// The environment with the passage, and with libalpine.so preloaded. False: it cannot be read, or no memory.
bool Departure::extend_environment(const char* passage) {
    std::size_t count = 0;
    const char* entry = nullptr;
    for (;; ++count) {
        if (count == kMaxVariables || !guarded_copy(&entry, environment_ + count, sizeof(entry))) {
            return false;
        }
        if (entry == nullptr) {
            break;
        }
    }
    extended_bytes_ = (count + 3) * sizeof(char*);
    const long memory = raw_syscall(SYS_mmap, 0, static_cast<long>(extended_bytes_), PROT_READ | PROT_WRITE,
                                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory < 0) {
        return false;
    }
    extended_ = reinterpret_cast<const char**>(memory);
    bool preloaded = false;
    for (std::size_t i = 0; i < count; ++i) {
        const char* variable = environment_[i];
        extended_[i] = variable;
        char head[sizeof(kPreload)] = "";
        static_cast<void>(guarded_string(head, variable, sizeof(head)));
        if (memcmp(head, kPreload, sizeof(kPreload) - 1) == 0) {
            char value[512] = "";
            static_cast<void>(guarded_string(value, variable + sizeof(kPreload) - 1, sizeof(value)));
            value[sizeof(value) - 1] = '\0';
            preloaded = true;
            if (strstr(value, "libalpine") == nullptr) {
                snprintf(preload_, sizeof(preload_), "%s%s:%s", kPreload, own_path, value);
                extended_[i] = preload_;
            }
        }
    }
    if (!preloaded) {
        snprintf(preload_, sizeof(preload_), "%s%s", kPreload, own_path);
        extended_[count++] = preload_;
    }
    extended_[count] = passage;
    environment_ = const_cast<char* const*>(extended_);
    return true;
}

}  // namespace alp::calls
