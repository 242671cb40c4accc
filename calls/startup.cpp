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
#include <signal.h>
#include <string.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <new>
#include <string>
#include <utility>

#include "base/raw_syscall.h"
#include "calls/config.h"
#include "calls/descriptors.h"
#include "calls/fork.h"
#include "calls/heap.h"
#include "calls/lock.h"
#include "calls/outlive_daemon.h"
#include "calls/signals.h"
#include "calls/sites.h"
#include "calls/sysctl.h"
#include "proxy/client/client.h"
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
    client = new (client_storage) proxy::Client;
    if (Result<void> done = client->connect(config.value().daemon_address); !done) {
        return done;
    }
    Result<proxy::Attachment> wire = client->attach(config.value().wire);
    if (!wire) {
        return wire.error();
    }
    if (Result<void> done = boot(config.value(), wire.value()); !done) {
        return done;
    }
    wire_fd = wire.value().tun.release();
    far_end_fd = wire.value().far_end.release();
    stack::note_private_fd(client->fd());
    if (far_end_fd >= 0) {
        stack::note_private_fd(far_end_fd);
    }
    return outlive_daemon(*client, far_end_fd >= 0 ? far_end_fd : wire_fd);
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

void start_once() {
    const SignalsHeld held;
    Locked locked(start_lock);
    if (started) {
        return;
    }
    if (Result<void> done = start_stack(); !done) {
        give_up(done.error());
    }
    started = true;
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
    start_once();
    return 0;
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

void reset_startup_after_fork() {
    start_lock.reset();
    if (!started) {
        return;
    }
    started = false;
    for (const int fd : {client->fd(), client->handover_receive_fd(), client->handover_send_fd()}) {
        stack::forget_private_fd(fd);
    }
    client->after_fork_in_child();
    for (const int fd : {wire_fd, far_end_fd}) {
        if (fd >= 0) {
            raw_syscall(SYS_close, fd);
            stack::forget_private_fd(fd);
        }
    }
}

}  // namespace alp::calls
