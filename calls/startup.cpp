// SPDX-License-Identifier: GPL-2.0
// Theory of operation
//
// Nothing is started in a constructor: other libraries' constructors run before or after in no promised order, and
// most programs a shell starts never open a socket. The first socket that is the stack's starts it, on the thread
// that wants it; others that come meanwhile wait. The signals of that thread are held back until it is done, and
// so the threads that start() makes never run a handler of the program.
//
// The connection to alpined is never closed by us, not by static destructors either: its end is how alpined learns
// that the process is gone.
#include "calls/startup.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <utility>

#include "base/raw_syscall.h"
#include "calls/adopted.h"
#include "calls/claims.h"
#include "calls/config.h"
#include "calls/descriptors.h"
#include "calls/heap.h"
#include "calls/inheritance.h"
#include "calls/lock.h"
#include "calls/outlive_daemon.h"
#include "calls/process.h"
#include "calls/shared.h"
#include "calls/signals.h"
#include "calls/sites.h"
#include "calls/stack_call.h"
#include "calls/sysctl.h"
#include "proxy/client/client.h"
#include "stack/host/own_table.h"
#include "stack/host/private_fd.h"
#include "stack/host/stack.h"
#include "wire/follower.h"

namespace alp::calls {

namespace {

constexpr int kExitCannotStart = 125;

Lock start_lock;
std::atomic<bool> started{false};
int wire_fd = -1;
int far_end_fd = -1;  // of the classic wire

alignas(proxy::Client) char client_storage[sizeof(proxy::Client)];
proxy::Client* client;

Result<void> boot(const Config& config, const proxy::Attachment& wire) {
    stack::Options options;
    options.image_path = config.image_path;
    options.memory_bytes = config.memory_bytes;
    options.dmesg = config.dmesg;
    options.wire_fd = wire.tun.get();
    options.mtu_bytes = wire.mtu_bytes;
    options.handle_faults = false;  // signals.cpp does
    // Alpine's threads run no code of the program's and leave its heap alone (heap.h), so to the program (and to
    // host_call) a process of one thread stays one. pthread_create() says otherwise when the program makes its first.
    const char single_threaded = __libc_single_threaded;
    if (Result<void> done = stack::start(options); !done) {
        return done;
    }
    if (Result<void> done = wire::follow_host(); !done) {
        return done;
    }
    if (has_own_heap()) {
        __libc_single_threaded = single_threaded;
    }
    adopt_host_sysctls();
    for (const auto& [name, value] : config.sysctls) {
        if (Result<void> done = set_sysctl(name, value); !done) {
            return done;
        }
    }
    return {};
}

/// What proves to a new alpined that the stack is this client's: the end of the wire that it had.
int shown_fd() { return far_end_fd >= 0 ? far_end_fd : wire_fd; }

constexpr int kEndSaidWithinMs = 500;  // while nobody else can go on

/// The stack has ended before its time: alpined is told by the end of the connection, and resets what is open.
void on_stack_end(const char* line) {
    if (raw_syscall(SYS_shutdown, client->fd(), SHUT_RDWR) < 0) {  // by a keeper, which does not have it
        raw_syscall(SYS_shutdown, stack::borrow_descriptor(client->fd()).get(), SHUT_RDWR);
    }
    stack::write_within(kEndSaidWithinMs, STDERR_FILENO, line, strlen(line));
}

/// This process's keeper is the family's active one from now on, and has to do with what the one before did.
void on_stack_takeover() {
    static_cast<void>(wire::follow_host());
    static_cast<void>(outlive_daemon(*client, shown_fd()));
}

void be_ready_for_family() {
    const DaemonDescriptors daemon = daemon_descriptors();
    stack::set_family_hooks(on_stack_takeover, on_stack_end,
                            {daemon.connection, daemon.receive, daemon.send, daemon.far_end});
}

Result<proxy::Attachment> attach(const Config& config) {
    if (Result<void> done = client->connect(config.daemon_address); !done) {
        return done.error();
    }
    return client->attach(config.wire);
}

Result<void> start_stack() {
    take_over_loaded_objects();
    take_faults();
    if (!has_shared_libc()) {
        return Error{ENOEXEC, "this program is statically linked: Alpine needs a shared libc"};
    }
    if (!sites_taken_over()) {
        return Error{EPERM, "libc's code cannot be changed in this process (does the host forbid writable code?)"};
    }
    Result<Config> config = read_config();
    if (!config) {
        return config.error();
    }
    const Result<std::uint32_t> busy_us = busy_poll_us();
    if (!busy_us) {
        return busy_us.error();
    }
    stack::set_busy_poll(busy_us.value());
    client = new (client_storage) proxy::Client;
    Result<proxy::Attachment> wire = attach(config.value());
    if (!wire) {
        client->~Client();
        client = nullptr;
        return wire.error();
    }
    if (Result<void> done = boot(config.value(), wire.value()); !done) {
        return done;
    }
    wire_fd = wire.value().tun.release();
    far_end_fd = wire.value().far_end.release();
    lay_out_shared_memory();
    strncpy(shared().address, config.value().daemon_address.c_str(), sizeof(shared().address) - 1);
    client->share(shared().client);
    stack::note_private_fd(client->fd());
    if (far_end_fd >= 0) {
        stack::note_private_fd(far_end_fd);
    }
    if (Result<void> done = outlive_daemon(*client, shown_fd()); !done) {
        return done;
    }
    be_ready_for_family();
    return {};
}

/// What an environment variable says of a stack that runs: descriptors, and the seat in its family.
struct Inherited {
    stack::Passage passage;
    DaemonDescriptors daemon;
};

/// "memory,wire,kick,connection,receive,send,far_end[,place,serial]"
Result<Inherited> read_inherited(const char* text) {
    Inherited inherited{};
    stack::Passage& passage = inherited.passage;
    DaemonDescriptors& daemon = inherited.daemon;
    if (sscanf(text, "%d,%d,%d,%d,%d,%d,%d,%ld,%ld", &passage.memory_fd, &passage.wire_fd, &passage.kick_fd,
               &daemon.connection, &daemon.receive, &daemon.send, &daemon.far_end, &passage.place,
               &passage.serial) < 7) {
        return Error{EINVAL, "ALPINE_JOIN or ALPINE_ENTER: not what a program of Alpine's passes on"};
    }
    for_each_of_passage(passage, daemon, [](int fd) {
        raw_syscall(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
        stack::note_private_fd(fd);
    });
    return inherited;
}

/// The stack runs: the connection to alpined that belongs to it, and what the family has in common.
void take_over(const Inherited& inherited) {
    const DaemonDescriptors& daemon = inherited.daemon;
    wire_fd = inherited.passage.wire_fd;
    far_end_fd = daemon.far_end;
    client = new (client_storage) proxy::Client;
    client->adopt(shared().address, {daemon.connection, daemon.receive, daemon.send}, shared().client);
    be_ready_for_family();
    if (const Result<std::uint32_t> busy_us = busy_poll_us(); busy_us) {
        stack::set_busy_poll(busy_us.value());
    }
    put_off_deaths();
    note_shared_descriptions();
}

/// Goes on with the stack of the program that this process was before exec.
Result<void> join_stack(const Inherited& inherited) {
    if (Result<void> done = stack::join(inherited.passage, false); !done) {
        return done;
    }
    take_over(inherited);
    doubt_claims();
    take_up_inherited_descriptors();
    stack::settle_child();
    return {};
}

/// Becomes one more process of a stack that runs (`alp enter`).
Result<void> enter_stack(const Inherited& inherited) {
    if (Result<void> done = stack::attach(inherited.passage, false); !done) {
        return done;
    }
    take_over(inherited);
    for_each_stack_descriptor([](int fd) { stack_call(SYS_close, fd); });
    return {};
}

[[noreturn]] void give_up(const Error& error) {
    const std::string line = "alpine: " + error.message() + "\n";
    raw_syscall(SYS_write, STDERR_FILENO, arg(line.data()), static_cast<long>(line.size()));
    for (;;) {
        raw_syscall(SYS_exit_group, kExitCannotStart);
    }
}

/// Holds back all signals of the thread for a scope.
class SignalsHeld {
public:
    SignalsHeld() {
        const std::uint64_t all = without_unblockable(~std::uint64_t{0});
        raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&all), arg(&saved_), sizeof(saved_));
    }
    ~SignalsHeld() { raw_syscall(SYS_rt_sigprocmask, SIG_SETMASK, arg(&saved_), 0, sizeof(saved_)); }
    SignalsHeld(const SignalsHeld&) = delete;
    SignalsHeld& operator=(const SignalsHeld&) = delete;

private:
    std::uint64_t saved_ = 0;
};

/// As the variable has it, and what it says. Empty: nothing is pending.
char pending_variable[192];
Inherited pending;

void join_later(const char* passage) {
    if (Result<Inherited> inherited = read_inherited(passage + sizeof(kLater) - 1); inherited) {
        pending = inherited.value();
        snprintf(pending_variable, sizeof(pending_variable), "ALPINE_JOIN=%s", passage);
    }
}

/// Joins the stack that is pending. When it has ended meanwhile, the process needs one of its own.
bool join_pending() {
    if (pending_variable[0] == '\0') {
        return false;
    }
    pending_variable[0] = '\0';
    return join_stack(pending).ok();
}

void start_with(Result<void> (*start)(const Inherited&), const char* text) {
    const SignalsHeld held;
    const Result<Inherited> inherited = read_inherited(text);
    const Result<void> done = inherited ? start(inherited.value()) : inherited.error();
    if (!done) {
        give_up(done.error());
    }
    started = true;
}

enum class Need { socket, child };

void start_once(Need need) {
    const SignalsHeld held;
    Locked locked(start_lock);
    if (started) {
        return;
    }
    if (!join_pending()) {
        const Result<void> done = start_stack();
        if (!done && need == Need::child && client == nullptr) {
            return;  // nothing has been begun that could not be tried again
        }
        if (!done) {
            give_up(done.error());
        }
    }
    started = true;
}

/// Before the program's own code: the stack that it has from before exec, that it is to enter, or that its children are
/// to have in common.
[[gnu::constructor(103)]] void start_at_load() {
    const char* passage = take_variable("ALPINE_JOIN");
    if (passage != nullptr && strncmp(passage, kLater, sizeof(kLater) - 1) == 0) {
        join_later(passage);
    } else if (passage != nullptr) {
        start_with(join_stack, passage);
    } else if (const char* visit = take_variable("ALPINE_ENTER"); visit != nullptr) {
        start_with(enter_stack, visit);
    }
}

proxy::Claim to_claim(const alpine_endpoint& endpoint) {
    proxy::Claim claim;
    claim.protocol = endpoint.key.protocol;
    memcpy(&claim.address, endpoint.key.addr, sizeof(claim.address));
    claim.port = ntohs(endpoint.key.port_be);
    claim.dual_stack = (endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0;
    return claim;
}

alpine_endpoint to_endpoint(const proxy::Claim& claim) {
    alpine_endpoint endpoint{};
    endpoint.key.protocol = claim.protocol;
    memcpy(endpoint.key.addr, &claim.address, sizeof(claim.address));
    endpoint.key.port_be = htons(claim.port);
    endpoint.flags = claim.dual_stack ? ALPINE_ENDPOINT_DUAL : 0;
    return endpoint;
}

std::atomic<bool> said_absent{false};

/// A program that is refused a port for want of an alpined says so, once for each time that there is none.
template <typename T>
void explain_absence(const Result<T>& result) {
    const bool absent = !result && result.error().code == ENETDOWN;
    if (said_absent.exchange(absent) || !absent) {
        return;
    }
    const std::string line = "alpine: no new ports: " + result.error().context + "\n";
    raw_syscall(SYS_write, STDERR_FILENO, arg(line.data()), static_cast<long>(line.size()));
}

long from_claim(const Result<proxy::Claim>& result, alpine_endpoint* endpoint) {
    explain_absence(result);
    if (!result) {
        return -result.error().code;
    }
    *endpoint = to_endpoint(result.value());
    return 0;
}

}  // namespace

long ensure_stack() {
    if (__builtin_expect(started.load(std::memory_order_acquire), 1)) {
        return 0;
    }
    if (lost_stack() || is_foreign_process()) {
        explain_lost_stack();
        return -ENETDOWN;
    }
    start_once(Need::socket);
    return 0;
}

void prepare_stack_for_child() {
    if (!started.load(std::memory_order_acquire) && !lost_stack() && !is_foreign_process()) {
        start_once(Need::child);
    }
}

long claim_descriptor(int fd, alpine_endpoint* granted) { return from_claim(client->claim(fd), granted); }

long claim_endpoint(alpine_endpoint* endpoint) {
    const proxy::Claim wanted = to_claim(*endpoint);
    return from_claim(client->claim_explicit(wanted.protocol, wanted.address, wanted.port, wanted.dual_stack),
                      endpoint);
}

long lease_endpoints(int protocol, unsigned count, alpine_endpoint* granted) {
    const auto leased = client->lease(static_cast<std::uint8_t>(protocol), count);
    explain_absence(leased);
    if (!leased) {
        return -leased.error().code;
    }
    const std::size_t usable = std::min<std::size_t>(leased.value().size(), count);
    std::transform(leased.value().begin(), leased.value().begin() + static_cast<long>(usable), granted, to_endpoint);
    return static_cast<long>(usable);
}

void accept_on_endpoint(const alpine_endpoint& endpoint, bool accepts) {
    // It fails only if the claim is gone, and then nothing comes any more.
    static_cast<void>(client->set_accepting(to_claim(endpoint), accepts));
}

void release_endpoint(const alpine_endpoint& endpoint) {
    // ENOENT would mean alpined forgot it (it was restarted): then the port is free already.
    static_cast<void>(client->release(to_claim(endpoint)));
}

const char* pending_passage() { return pending_variable[0] != '\0' ? pending_variable : nullptr; }

void for_each_pending(void (*visit)(int fd)) { for_each_of_passage(pending.passage, pending.daemon, visit); }

DaemonDescriptors daemon_descriptors() {
    return {client->fd(), client->handover_receive_fd(), client->handover_send_fd(), far_end_fd};
}

void reset_startup_after_fork() {
    start_lock.reset();
    if (!started || stack::running()) {
        return;
    }
    started = false;
    for (const int fd :
         {client->fd(), client->handover_receive_fd(), client->handover_send_fd(), wire_fd, far_end_fd}) {
        if (fd >= 0) {
            stack::forget_private_fd(fd);
            raw_syscall(SYS_close, fd);
        }
    }
}

}  // namespace alp::calls
