// SPDX-License-Identifier: GPL-2.0
#include "stack/host/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "stack/host/cpu.h"
#include "stack/host/fault.h"
#include "stack/host/host_ops.h"
#include "stack/host/image.h"
#include "stack/host/own_table.h"
#include "stack/host/private_fd.h"

namespace alp::stack {

namespace {

// Hash tables as a process needs them, not as a machine of the arena's size would make them: they are memory that is
// touched at every start. The delay loop needs no calibration (arch/alpine/lib/delay.c). Devices such as dummy0, ifb0
// and tunl0 come when they are asked for. The jitter generator (which IPsec brings in) would spend its start measuring
// jitter, to seed another that has the host's getrandom(2).
constexpr char kKernelArguments[] =
    "lpj=1000000 thash_entries=16384 uhash_entries=1024 dhash_entries=1024 ihash_entries=1024 mhash_entries=256 "
    "mphash_entries=256 dccp.thash_entries=1024 dummy.numdummies=0 ifb.numifbs=0 fb_tunnels=none "
    "initcall_blacklist=jent_mod_init ";

constinit Cpu cpu;
std::atomic<bool> is_running{false};
bool was_started = false;

thread_local Thread this_thread __attribute__((tls_model("initial-exec")));

Thread& current_thread() {
    Thread& thread = this_thread;
    if (thread.id == 0) {
        thread.id = static_cast<std::uint64_t>(raw_syscall(SYS_gettid));
    }
    return thread;
}

/// Inside the stack for a scope: signal handlers see it.
class Inside {
public:
    explicit Inside(Thread& thread) : thread_(thread) {
        ++thread_.depth;
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
    }
    ~Inside() {
        __atomic_signal_fence(__ATOMIC_SEQ_CST);
        --thread_.depth;
    }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;

private:
    Thread& thread_;
};

}  // namespace

Result<void> start(const Options& options) {
    if (was_started) {
        return Error{EALREADY, "the stack of this process"};
    }
    if (options.memory_bytes < kMinMemoryBytes) {
        return Error{EINVAL, "a stack with so little memory"};
    }
    Result<const alpine_stack_image*> image = load_image(options.image_path, options.memory_bytes);
    if (!image) {
        return image.error();
    }
    Result<alpine_process*> process = map_process_page();
    if (!process) {
        return process.error();
    }
    process.value()->ops = host_ops(options.wire_fd);
    process.value()->wire_mtu_bytes = options.mtu_bytes;
    process.value()->has_wire = options.wire_fd >= 0 ? 1 : 0;
    note_private_fd(options.wire_fd);
    prepare_faults(*image.value());
    if (options.handle_faults) {
        if (Result<void> done = install_fault_handler(); !done) {
            return done;
        }
    }

    const std::string cmdline =
        std::string(kKernelArguments) + (options.dmesg ? "loglevel=7 " : "loglevel=2 ") + options.kernel_arguments;
    const alpine_boot boot = {.ram_end = arena_end(*image.value(), options.memory_bytes), .cmdline = cmdline.c_str()};
    image.value()->prepare(&boot);
    was_started = true;
    const Inside inside(current_thread());
    if (Result<void> done = cpu.start(*image.value(), process.value(), options.wire_fd); !done) {
        return done;
    }
    is_running = true;
    return {};
}

bool running() { return is_running.load(std::memory_order_relaxed); }

long call(long number, long a, long b, long c, long d, long e, long f) {
    if (!running()) {
        return -ENOTCONN;
    }
    Thread& thread = current_thread();
    const Inside inside(thread);
    if (thread.task == nullptr && !cpu.spawn(thread)) {
        return -ENOMEM;
    }
    alpine_task* task = thread.task;
    task->number = number;
    task->args[0] = a;
    task->args[1] = b;
    task->args[2] = c;
    task->args[3] = d;
    task->args[4] = e;
    task->args[5] = f;
    return cpu.run_call(thread);
}

long call_watching(pollfd* fds, nfds_t count, bool* host_ready, long number, long a, long b, long c, long d, long e,
                   long f) {
    Thread& thread = current_thread();
    thread.watched = fds;
    thread.watched_count = count;
    thread.host_ready = false;
    const long result = call(number, a, b, c, d, e, f);
    *host_ready = thread.host_ready;
    thread.watched_count = 0;
    thread.host_ready = false;
    return result;
}

bool inside() { return this_thread.depth != 0; }

void interrupt_self() { cpu.interrupt(this_thread); }

void thread_exit() {
    Thread& thread = this_thread;
    if (thread.task == nullptr || !running()) {
        return;
    }
    const Inside inside(thread);
    thread.task->number = ALPINE_NR_exit_thread;
    cpu.run_exit(thread);
}

pid_t process_id() { return static_cast<pid_t>(call(SYS_getpid)); }

void leave_descriptor_table(int kept) {
    leave_descriptor_table({cpu.wire_fd(), cpu.kick_fd(), kept});
    // What is opened next must not look like standard error. Of /dev/null opened so, a write says that it cannot be.
    static constexpr char kNull[] = "/dev/null";
    for (int i = 0; i <= STDERR_FILENO; ++i) {
        UniqueFd null(static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(kNull), O_RDONLY | O_CLOEXEC)));
        if (null.get() <= STDERR_FILENO) {
            static_cast<void>(null.release());
        }
    }
}

void after_fork_in_child() { is_running = false; }

}  // namespace alp::stack
