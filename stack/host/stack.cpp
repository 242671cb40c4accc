// SPDX-License-Identifier: GPL-2.0
#include "stack/host/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>

#include "abi/stack_calls.h"
#include "base/forked.h"
#include "base/raw_syscall.h"
#include "stack/host/cpu.h"
#include "stack/host/family.h"
#include "stack/host/fault.h"
#include "stack/host/host_ops.h"
#include "stack/host/image.h"
#include "stack/host/own_table.h"
#include "stack/host/own_thread.h"
#include "stack/host/private_fd.h"
#include "stack/host/wire_offloads.h"

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

ALPINE_FORKED constinit Cpu cpu;
ALPINE_FORKED std::atomic<bool> is_running{false};
bool was_started = false;

thread_local Thread this_thread __attribute__((tls_model("initial-exec")));

Thread& current_thread() {
    Thread& thread = this_thread;
    if (thread.id == 0) {
        thread.begin();
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

/// Of what processes of a family share: they must be of one build.
constexpr std::uint64_t kLayout = (std::uint64_t{ALPINE_STACK_ABI_VERSION} << 32) + sizeof(Family);

Result<void> prepare_process(const alpine_stack_image& image, alpine_process& process, int wire_fd, bool faults) {
    process.ops = host_ops(wire_fd);
    note_private_fd(wire_fd);
    prepare_faults(image);
    return faults ? install_fault_handler() : Result<void>();
}

/// By a forked child?
bool is_kept(int fd) {
    return std::find(std::begin(kept_for_takeover), std::end(kept_for_takeover), fd) != std::end(kept_for_takeover) ||
           fd == cpu.wire_fd() || fd == cpu.kick_fd() || fd == cpu.bell_fd() || fd == arena_fd() ||
           is_kept_over_fork(fd);
}

Cpu::Seat seat_of(const Fork& fork) { return {fork.member, fork.serial}; }

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
    process.value()->wire_mtu_bytes = options.mtu_bytes;
    process.value()->has_wire = options.wire_fd >= 0 ? 1 : 0;
    process.value()->wire_segments_udp = wire_segments_udp(options.wire_fd) ? 1 : 0;
    if (Result<void> done = prepare_process(*image.value(), *process.value(), options.wire_fd, options.handle_faults);
        !done) {
        return done;
    }
    auto* family = static_cast<Family*>(family_region());
    family->initialize(kLayout, options.image_path.c_str());

    const std::string cmdline =
        std::string(kKernelArguments) + (options.dmesg ? "loglevel=7 " : "loglevel=2 ") + options.kernel_arguments;
    const alpine_boot boot = {.ram_end = arena_end(*image.value(), options.memory_bytes), .cmdline = cmdline.c_str()};
    image.value()->prepare(&boot);
    was_started = true;
    const Inside inside(current_thread());
    if (Result<void> done = cpu.start({image.value(), process.value(), family, options.wire_fd}); !done) {
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
        return cpu.ended() ? -ECONNABORTED : -ENOMEM;
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
    leave_descriptor_table({cpu.wire_fd(), cpu.kick_fd(), cpu.bell_fd(), kept});
    // What is opened next must not look like standard error. Of /dev/null opened so, a write says that it cannot be.
    static constexpr char kNull[] = "/dev/null";
    for (int i = 0; i <= STDERR_FILENO; ++i) {
        UniqueFd null(static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(kNull), O_RDONLY | O_CLOEXEC)));
        if (null.get() <= STDERR_FILENO) {
            static_cast<void>(null.release());
        }
    }
}

std::uint32_t thread_id() { return current_thread().tid(); }

SharedMemory shared_memory() {
    return {static_cast<char*>(family_region()) + sizeof(Family), kFamilyBytes - sizeof(Family)};
}

long begin_fork(Fork& fork) {
    const std::uint32_t closes = running() ? cpu.closes() : 0;
    const long made = call(ALPINE_NR_fork);
    if (made < 0) {
        return made;
    }
    fork.group = reinterpret_cast<alpine_task*>(made);
    const Cpu::Seat seat = cpu.take_seat(current_thread(), fork.group, closes);
    fork.member = seat.member;
    fork.serial = seat.serial;
    return seat.member != nullptr ? 0 : -EAGAIN;
}

void end_fork_in_parent(const Fork& fork, long child) {
    Thread& thread = current_thread();
    const Inside inside(thread);
    if (child < 0) {
        cpu.bury(thread, seat_of(fork));
    } else {
        cpu.name_member(thread, seat_of(fork), static_cast<std::uint32_t>(child));
    }
}

void end_fork_in_child(const Fork& fork) {
    for_each_private_fd([](int fd) {
        if (!is_kept(fd)) {
            forget_private_fd(fd);
            raw_syscall(SYS_close, fd);
        }
    });
    this_thread.robust.find_in_child();
    this_thread = Thread{};
    forget_own_threads();
    cpu.become(current_thread(), seat_of(fork));
}

void enter_vfork_child(const Fork& fork, SavedThread& saved) {
    static_assert(sizeof(Thread) <= sizeof(saved.bytes));
    memcpy(saved.bytes, &this_thread, sizeof(Thread));
    this_thread = Thread{};
    this_thread.group = fork.group;
}

void leave_vfork_child(const SavedThread& saved) {
    this_thread.bell.close();
    memcpy(static_cast<void*>(&this_thread), saved.bytes, sizeof(Thread));
}

void end_vfork_child(const Fork& fork) {
    Thread& thread = current_thread();
    const Inside inside(thread);
    thread.task = nullptr;
    cpu.bury(thread, seat_of(fork));
}

void lose() {
    forget_own_threads();
    this_thread = Thread{};
    // What has ended has for the child as well: its calls say so.
    is_running = running() && cpu.ended();
}

void settle_child() { cpu.settle(cpu.seat()); }

void settle_child(const Fork& fork) { cpu.settle(seat_of(fork)); }

void note_close() {
    if (running()) {
        cpu.note_close();
    }
}

bool has_unsettled_children() { return cpu.family()->has_forked(); }

bool needs_keeper() { return running() && !cpu.has_keeper(); }

Result<void> start_keeper() { return cpu.start_keeper(); }

void bury_process(pid_t process) {
    Thread& thread = current_thread();
    const Inside inside(thread);
    Family& family = *cpu.family();
    for (std::uint32_t i = 0; i < family.end; ++i) {
        Member& member = family.members[i];
        if (const std::uint32_t serial = member.serial; member.process == static_cast<std::uint32_t>(process)) {
            cpu.bury(thread, {&member, serial});
        }
    }
}

long kill_processes(pid_t whom, const HostCall& call) {
    Thread& thread = current_thread();
    const Inside inside(thread);
    return cpu.kill(thread, whom, call);
}

void begin_exec() {
    if (running() && cpu.has_keeper()) {
        Thread& thread = current_thread();
        const Inside inside(thread);
        cpu.hold_for_exec(thread);
    }
}

void end_failed_exec() {
    if (running() && cpu.has_keeper()) {
        Thread& thread = current_thread();
        const Inside inside(thread);
        cpu.let_go_after_exec(thread);
    }
}

void wait_unless_used(Bell& bell, int fd, int limit_ms) { cpu.wait_unless_used(bell, fd, limit_ms); }

void set_busy_poll(std::uint32_t microseconds) { cpu.set_busy_poll(std::uint64_t{microseconds} * 1000); }

bool is_alone() { return cpu.is_alone(); }

void leave() {
    Thread& thread = current_thread();
    const Inside inside(thread);
    is_running = false;
    cpu.leave(thread);
}

Leaving begin_leave() {
    const Leaving leaving = cpu.begin_leave(this_thread);
    if (leaving == Leaving::unused) {
        is_running = false;
    }
    return leaving;
}

bool has_others() { return __atomic_load_n(&cpu.family()->count, __ATOMIC_SEQ_CST) > 1; }

bool ended() { return cpu.ended(); }

namespace {

Passage passage_to(const Cpu::Seat& seat) {
    return {arena_fd(), cpu.wire_fd(), cpu.kick_fd(), seat.member - cpu.family()->members, seat.serial};
}

/// Maps everything, and has the process made ready for calls.
Result<Cpu::Parts> map_family(const Passage& passage, bool handle_faults) {
    if (was_started) {
        return Error{EALREADY, "the stack of this process"};
    }
    // Which image it is stands in the memory, which can only be mapped behind it.
    Result<std::string> path = image_path_of(passage.memory_fd, kLayout);
    if (!path) {
        return path.error();
    }
    Result<const alpine_stack_image*> image = load_shared_image(path.value(), passage.memory_fd);
    if (!image) {
        return image.error();
    }
    Result<alpine_process*> process = map_process_page();
    if (!process) {
        return process.error();
    }
    process.value()->has_wire = passage.wire_fd >= 0 ? 1 : 0;
    if (Result<void> done = prepare_process(*image.value(), *process.value(), passage.wire_fd, handle_faults); !done) {
        return done.error();
    }
    note_private_fd(passage.kick_fd);
    was_started = true;
    return Cpu::Parts{image.value(), process.value(), static_cast<Family*>(family_region()), passage.wire_fd};
}

}  // namespace

Passage passage() { return passage_to(cpu.seat()); }

Passage passage_of(const Fork& fork) { return passage_to(seat_of(fork)); }

Result<void> join(const Passage& passage, bool handle_faults) {
    Result<Cpu::Parts> parts = map_family(passage, handle_faults);
    if (!parts) {
        return parts.error();
    }
    Member* member = parts.value().family->members + passage.place;
    if (member->serial != static_cast<std::uint32_t>(passage.serial)) {
        return Error{ESTALE, "the stack that this program was to join has gone"};
    }
    Thread& thread = current_thread();
    const Inside inside(thread);
    cpu.join(thread, parts.value(), {member, member->serial}, passage.kick_fd);
    cpu.forget_threads(thread);
    is_running = true;
    return {};
}

Result<void> attach(const Passage& passage, bool handle_faults) {
    Result<Cpu::Parts> parts = map_family(passage, handle_faults);
    if (!parts) {
        return parts.error();
    }
    Thread& thread = current_thread();
    // A thread of any process there can make ours: its first living one.
    Family& family = *parts.value().family;
    Member* host = std::find_if(family.members, family.members + family.end,
                                [](const Member& member) { return member.process != 0; });
    if (host == family.members + family.end) {
        return Error{ECONNABORTED, "the stack has ended"};
    }
    {
        const Inside inside(thread);
        cpu.join(thread, parts.value(), {host, 0}, passage.kick_fd);
    }
    is_running = true;
    Fork fork{};
    const long made = begin_fork(fork);
    thread_exit();
    if (made < 0) {
        is_running = false;
        return Error{static_cast<int>(-made), "cannot make a process on that stack"};
    }
    const Inside inside(thread);
    cpu.become(thread, seat_of(fork));
    cpu.settle(cpu.seat());
    return {};
}

void set_family_hooks(void (*takeover)(), void (*end)(const char* line), std::initializer_list<int> kept) {
    on_takeover = takeover;
    on_end = end;
    std::copy_n(kept.begin(), std::min<std::size_t>(kept.size(), kKeptForTakeover), kept_for_takeover);
    if (cpu.seat().member != nullptr) {
        cpu.seat().member->descriptors = cpu.descriptors();
    }
}

}  // namespace alp::stack
