// SPDX-License-Identifier: GPL-2.0
#include "calls/binding.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/syscall.h>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "calls/claims.h"
#include "calls/dummy.h"
#include "calls/endpoint.h"
#include "calls/fork.h"
#include "calls/guard.h"
#include "calls/stack_call.h"

namespace alp::calls {

namespace {

// How often the stack chooses before ports are said to have run out: enough where the host has nine of ten taken.
constexpr int kChoices = 64;
constexpr int kHostChoices = 8;

std::uint16_t port_of(const sockaddr_storage& address) {
    // sin_port and sin6_port stand at the same place.
    return reinterpret_cast<const sockaddr_in&>(address).sin_port;
}

void set_port(sockaddr_storage& address, std::uint16_t port_be) {
    reinterpret_cast<sockaddr_in&>(address).sin_port = port_be;
}

bool is_only_v6(int fd) {
    int only = 0;
    socklen_t len = sizeof(only);
    stack_call(SYS_getsockopt, fd, IPPROTO_IPV6, IPV6_V6ONLY, arg(&only), arg(&len));
    return only != 0;
}

/// Reads a program's address; false if it is none that has a port of the socket's family.
bool read_address(const OpenFile& file, const sockaddr* address, socklen_t len, sockaddr_storage& copy) {
    const std::size_t needed = file.family == AF_INET ? sizeof(sockaddr_in) : offsetof(sockaddr_in6, sin6_scope_id);
    if (address == nullptr || len < needed) {
        return false;
    }
    memset(&copy, 0, sizeof(copy));
    if (!guarded_copy(&copy, address, len < sizeof(copy) ? len : sizeof(copy))) {
        return false;
    }
    // bind(2) takes AF_UNSPEC with the IPv4 wildcard for AF_INET (net/ipv4/af_inet.c).
    if (file.family == AF_INET && copy.ss_family == AF_UNSPEC) {
        copy.ss_family = AF_INET;
    }
    return copy.ss_family == file.family;
}

/// Where the stack's socket is bound, port 0 if it has none.
socklen_t address_in_stack(int fd, sockaddr_storage& address) {
    socklen_t len = sizeof(address);
    memset(&address, 0, sizeof(address));
    stack_call(SYS_getsockname, fd, arg(&address), arg(&len));
    return len;
}

/// Does the stack choose this socket's port when none is named? It must be able to take it back.
bool is_chosen_by_stack(const OpenFile& file) {
    return file.host_bindable && file.protocol != IPPROTO_SCTP && file.protocol != IPPROTO_DCCP;
}

/// Under file.binding: the socket has its port, by this claim (null: nothing of it is steered).
void give_port(OpenFile& file, Claim* claim, bool dummy_bound, bool chosen) {
    file.dummy_bound = dummy_bound;
    file.claim = claim;
    file.port_chosen = chosen;
    file.has_port = true;
}

/// One endpoint made ours on the host: the dummy bound, the claim taken. Undone at its end unless kept.
class Reservation {
public:
    Reservation(int fd, OpenFile& file) : fd_(fd), file_(file) {}
    ~Reservation() {
        if (claim_ != nullptr) {
            unclaim(claim_);
        }
        if (bound_) {
            replace_dummy(fd_, file_);
        }
    }
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;

    /// 0 or -errno. A port that is 0 is set to what the host chose.
    [[nodiscard]] long take(sockaddr_storage& address, socklen_t len) {
        alpine_endpoint wanted = endpoint_of(file_.protocol, address);
        if (file_.family == AF_INET6 && is_wildcard(wanted) && !is_v4(wanted) && !is_only_v6(fd_)) {
            wanted.flags |= ALPINE_ENDPOINT_DUAL;
        }
        const long error = file_.host_bindable ? take_by_dummy(wanted, address, len) : claim_by_name(wanted, &claim_);
        if (error == -EADDRNOTAVAIL && port_of(address) != 0) {
            return 0;  // an address that only this stack has, or none at all, as the stack will say: nothing to steer
        }
        if (error == 0) {
            set_port(address, claim_->endpoint.key.port_be);
        }
        return error;
    }

    void keep(bool chosen) {
        give_port(file_, claim_, bound_, chosen);
        claim_ = nullptr;
        bound_ = false;
    }

private:
    long take_by_dummy(alpine_endpoint& wanted, const sockaddr_storage& address, socklen_t len) {
        silence_dummy(fd_, file_);
        const long bound = raw_syscall(SYS_bind, fd_, arg(&address), len);
        if (bound < 0) {
            claim_ = bound == -EADDRINUSE ? own_claim_in_the_way(wanted) : nullptr;
            return claim_ != nullptr ? 0 : bound;
        }
        bound_ = true;
        sockaddr_storage actual{};
        socklen_t actual_len = sizeof(actual);
        raw_syscall(SYS_getsockname, fd_, arg(&actual), arg(&actual_len));
        wanted.key.port_be = port_of(actual);
        return claim_bound_dummy(fd_, wanted, &claim_);
    }

    int fd_;
    OpenFile& file_;
    Claim* claim_ = nullptr;
    bool bound_ = false;
};

/// The stack has chosen a port (or left that for later, IP_BIND_ADDRESS_NO_PORT): makes it ours on the host, or has
/// the stack choose another.
long take_chosen_port(int fd, OpenFile& file) {
    long error = -EADDRINUSE;
    for (int tries = 0; tries < kChoices && error == -EADDRINUSE; ++tries) {
        if (tries != 0) {
            if (error = stack_call(ALPINE_NR_choose_port, fd); error < 0) {
                return error;
            }
        }
        sockaddr_storage address;
        const socklen_t len = address_in_stack(fd, address);
        if (port_of(address) == 0) {
            return 0;
        }
        Reservation reservation(fd, file);
        error = reservation.take(address, len);
        if (error == 0) {
            reservation.keep(true);
        } else {
            stack_call(ALPINE_NR_give_port_back, fd);
        }
    }
    return error;
}

long bind_to_named_port(int fd, OpenFile& file, sockaddr_storage& address, socklen_t len) {
    Reservation reservation(fd, file);
    long error = reservation.take(address, len);
    if (error == 0) {
        error = stack_call(SYS_bind, fd, arg(&address), len);
    }
    if (error == 0) {
        reservation.keep(false);
    }
    return error;
}

/// What a socket gets that is used without bind() and whose port the stack cannot choose.
long bind_to_any_port(int fd, OpenFile& file) {
    sockaddr_storage any{};
    any.ss_family = file.family;
    const socklen_t len = file.family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6);
    long error = -EADDRINUSE;
    // What the host gives out is free there. Should the stack have something on it all the same, it gives another.
    for (int tries = 0; tries < kHostChoices && error == -EADDRINUSE; ++tries) {
        set_port(any, 0);
        error = bind_to_named_port(fd, file, any, len);
    }
    return error;
}

/// The dummy is the parent's too: binding it in a child would bind it there.
long refuse_lost_stack() {
    explain_lost_stack();
    return -ENOTCONN;
}

/// Under file.binding: notices that the stack has forgotten the port it had chosen.
void notice_lost_port(int fd, OpenFile& file) {
    if (file.has_port && file.port_chosen && stack_call(ALPINE_NR_local_port, fd) == 0) {
        file.has_port = false;
        file.port_chosen = false;
        drop_claim(file);
        if (file.dummy_bound) {
            replace_dummy(fd, file);
            file.dummy_bound = false;
        }
    }
}

/// Gives the socket a port that is leased already: no word to the host. 0; else the socket has none, and -errno.
long take_leased_port(int fd, OpenFile& file) {
    for (int tries = 0; tries < kChoices; ++tries) {
        Claim* claim = take_lease(file.protocol);
        if (claim == nullptr) {
            return -EADDRINUSE;
        }
        const long error = stack_call(ALPINE_NR_take_port, fd, ntohs(claim->endpoint.key.port_be));
        if (error == 0) {
            give_port(file, claim, false, true);
            return 0;
        }
        unclaim(claim);
        if (error != -EADDRINUSE) {
            return error;
        }
    }
    return -EADDRINUSE;
}

/// Under file.binding.
long take_any_port(int fd, OpenFile& file) {
    if (file.has_port) {
        return 0;
    }
    if (lost_stack()) {
        return refuse_lost_stack();
    }
    if (!is_chosen_by_stack(file)) {
        return bind_to_any_port(fd, file);
    }
    if (take_leased_port(fd, file) == 0) {
        return 0;
    }
    const long error = stack_call(ALPINE_NR_choose_port, fd);
    return error < 0 ? error : take_chosen_port(fd, file);
}

}  // namespace

long bind_socket(int fd, OpenFile& file, const sockaddr* address, socklen_t len) {
    if (lost_stack()) {
        return refuse_lost_stack();
    }
    Locked locked(file.binding);
    notice_lost_port(fd, file);
    sockaddr_storage copy;
    if (file.has_port || !read_address(file, address, len, copy)) {
        return stack_call(SYS_bind, fd, arg(address), len);  // which says what is wrong with it
    }
    len = len < sizeof(copy) ? len : sizeof(copy);
    if (port_of(copy) != 0 || !is_chosen_by_stack(file)) {
        return bind_to_named_port(fd, file, copy, len);
    }
    const long error = stack_call(SYS_bind, fd, arg(&copy), len);
    return error < 0 ? error : take_chosen_port(fd, file);
}

long ensure_port(int fd, OpenFile& file) {
    if (!file.ports || file.has_port.load(std::memory_order_acquire)) {
        return 0;
    }
    Locked locked(file.binding);
    return take_any_port(fd, file);
}

long renew_port(int fd, OpenFile& file) {
    if (!file.ports) {
        return 0;
    }
    Locked locked(file.binding);
    notice_lost_port(fd, file);
    return take_any_port(fd, file);
}

void forget_lost_port(int fd, OpenFile& file) {
    if (file.ports) {
        Locked locked(file.binding);
        notice_lost_port(fd, file);
    }
}

long claim_port(OpenFile& file, const sockaddr* address) {
    Locked locked(file.binding);
    sockaddr_storage any{};
    any.ss_family = file.family;
    set_port(any, reinterpret_cast<const sockaddr_in*>(address)->sin_port);
    alpine_endpoint wanted = endpoint_of(file.protocol, any);
    if (wanted.key.port_be == 0) {
        return -EINVAL;
    }
    wanted.flags = file.family == AF_INET6 ? ALPINE_ENDPOINT_DUAL : 0;
    const long error = claim_by_name(wanted, &file.claim);
    file.has_port = error == 0;
    return error;
}

}  // namespace alp::calls
