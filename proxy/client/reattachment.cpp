// SPDX-License-Identifier: GPL-2.0
#include "proxy/client/reattachment.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <array>

#include "base/fd_message.h"
#include "proxy/client/address.h"
#include "proxy/client/requests.h"

namespace alp::proxy {
namespace {

constexpr long kShortestPauseMs = 10;
constexpr long kLongestPauseMs = 1000;

long now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

/// Root, or the program's own user: an abstract name is anybody's who is quick.
bool is_trusted(int connection) {
    ucred peer{};
    return raw_getsockopt(connection, SOL_SOCKET, SO_PEERCRED, peer) >= 0 &&
           (peer.uid == 0 || peer.uid == static_cast<uid_t>(raw_syscall(SYS_geteuid)));
}

UniqueFd connect_to(const SocketAddress& to) {
    UniqueFd connection(static_cast<int>(raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)));
    if (!connection.valid()) {
        return {};
    }
    for (const int option : {SO_RCVTIMEO, SO_SNDTIMEO}) {
        raw_syscall(SYS_setsockopt, connection.get(), SOL_SOCKET, option, arg(&kAnswerTimeout), sizeof(kAnswerTimeout));
    }
    if (raw_syscall(SYS_connect, connection.get(), arg(&to.address), to.length) < 0 || !is_trusted(connection.get())) {
        return {};
    }
    return connection;
}

/// Is `socket` (still) bound to the endpoint? Its number may have come to mean anything.
bool is_bound_to(int socket, const alpine_endpoint& endpoint) {
    int protocol = 0;
    sockaddr_in6 name{};
    socklen_t length = sizeof(name);
    if (raw_getsockopt(socket, SOL_SOCKET, SO_PROTOCOL, protocol) < 0 ||
        raw_syscall(SYS_getsockname, socket, arg(&name), arg(&length)) < 0) {
        return false;
    }
    int v6_only = 0;
    in6_addr address = name.sin6_addr;
    if (name.sin6_family == AF_INET) {
        address = in6_addr{{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff}}};
        std::memcpy(&address.s6_addr[12], &reinterpret_cast<const sockaddr_in&>(name).sin_addr, sizeof(in_addr));
    } else if (name.sin6_family != AF_INET6 || raw_getsockopt(socket, IPPROTO_IPV6, IPV6_V6ONLY, v6_only) < 0) {
        return false;
    }
    const bool dual = (endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0;
    return (protocol == IPPROTO_MPTCP ? IPPROTO_TCP : protocol) == endpoint.key.protocol &&
           name.sin6_port == endpoint.key.port_be && std::memcmp(&address, endpoint.key.addr, sizeof(address)) == 0 &&
           !(dual && v6_only != 0);
}

bool is_listening(int socket) {
    int listening = 0;
    return raw_getsockopt(socket, SOL_SOCKET, SO_ACCEPTCONN, listening) >= 0 && listening != 0;
}

/// A socket of TCP or UDP bound to the endpoint. Not valid: the host does not let the program have it (anymore).
UniqueFd bind_to(const alpine_endpoint& endpoint) {
    const std::uint8_t protocol = endpoint.key.protocol;
    in6_addr address{};
    std::memcpy(&address, endpoint.key.addr, sizeof(address));
    const bool v4 = IN6_IS_ADDR_V4MAPPED(&address);
    if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP) {
        return {};
    }
    UniqueFd socket(
        static_cast<int>(raw_syscall(SYS_socket, v4 ? AF_INET : AF_INET6,
                                     (protocol == IPPROTO_TCP ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC, protocol)));
    sockaddr_in name{};
    name.sin_family = AF_INET;
    name.sin_port = endpoint.key.port_be;
    std::memcpy(&name.sin_addr, endpoint.key.addr + 12, sizeof(name.sin_addr));
    sockaddr_in6 name6{};
    name6.sin6_family = AF_INET6;
    name6.sin6_port = endpoint.key.port_be;
    name6.sin6_addr = address;
    const int v6_only = (endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0 ? 0 : 1;
    if (!v4) {
        raw_syscall(SYS_setsockopt, socket.get(), IPPROTO_IPV6, IPV6_V6ONLY, arg(&v6_only), sizeof(v6_only));
    }
    const long bound = v4 ? raw_syscall(SYS_bind, socket.get(), arg(&name), sizeof(name))
                          : raw_syscall(SYS_bind, socket.get(), arg(&name6), sizeof(name6));
    return bound < 0 ? UniqueFd() : std::move(socket);
}

}  // namespace

/// On a buffer of its own.
void Reattachment::complain(const char* what, const char* reason) const {
    std::array<char, 320> line{};
    std::size_t length = 0;
    for (const char* part : {"alpine: ", what, ": ", reason, "\n"}) {
        const std::size_t size = std::min(std::strlen(part), line.size() - length);
        std::memcpy(line.data() + length, part, size);
        length += size;
    }
    process_.say(line.data(), length);
}

Result<Reattachment> Reattachment::prepare(Client& client, int proof, const Process& process) {
    if (auto ready = client.prepare_handover(); !ready) {
        return ready.error();
    }
    return Reattachment(client, proof, process);
}

Reattachment::Descriptors Reattachment::descriptors() const {
    return {connection_, proof_, client_.handover_send_.get(), client_.handover_receive_.get()};
}

int Reattachment::timeout_ms() const {
    if (connection_ >= 0 || given_up_) {
        return -1;
    }
    // Often at first, for a restart, and then as seldom as it has been long.
    return static_cast<int>(std::clamp((now_ms() - lost_at_ms_) / 16, kShortestPauseMs, kLongestPauseMs));
}

bool Reattachment::is_lost() const {
    pollfd look{connection_, 0, 0};
    return raw_syscall(SYS_poll, arg(&look), 1, 0) == 1 && (look.revents & (POLLHUP | POLLERR | POLLNVAL)) != 0;
}

void Reattachment::step() {
    if (given_up_) {
        return;
    }
    if (connection_ >= 0) {
        if (!is_lost()) {
            return;
        }
        raw_syscall(SYS_close, connection_);
        connection_ = -1;
        lost_at_ms_ = now_ms();
    }
    const LockedWithoutSignals locked(client_.lock_);
    given_up_ = call() == Outcome::never;
}

Reattachment::Outcome Reattachment::call() {
    const auto to = socket_address(client_.address_);  // has been one before
    UniqueFd connection = connect_to(to.value());
    if (!connection.valid()) {
        return Outcome::later;
    }
    if (const Outcome outcome = reattach(connection.get()); outcome != Outcome::done) {
        return outcome;
    }
    lost_claims_ = 0;
    Outcome outcome = Outcome::done;
    client_.registry_.for_each([&](RegisteredClaim& claim) {
        if (outcome == Outcome::done) {
            outcome = claim_again(connection.get(), claim);
        }
    });
    if (outcome == Outcome::done) {
        outcome = settle(connection.get());
    }
    if (outcome != Outcome::done || !hand_over(connection.get())) {
        return Outcome::later;
    }
    connection_ = connection.release();
    if (lost_claims_ != 0) {
        complain("alpined was restarted", "some ports of this program are no longer its own");
    }
    return Outcome::done;
}

/// later: the connection broke. Else the reply is there, whatever it says.
Reattachment::Outcome Reattachment::ask(int connection, alpine_msg_header& request, std::size_t length, int fd,
                                        alpine_reply& reply) {
    request.sequence = ++client_.sequence_;
    const FdMessage message(&request, length, fd);
    if (raw_syscall(SYS_sendmsg, connection, arg(message.header()), MSG_NOSIGNAL) < 0) {
        return Outcome::later;
    }
    RawReply raw;
    const long received = receive_with_fd(connection, raw.bytes.data(), raw.bytes.size(), raw.fd, 0);
    reply = raw.head();
    const bool whole = received >= static_cast<long>(sizeof(reply)) && reply.header.magic == ALPINE_PROXY_MAGIC &&
                       reply.header.sequence == request.sequence;
    reply.reason[sizeof(reply.reason) - 1] = '\0';
    return whole ? Outcome::done : Outcome::later;
}

Reattachment::Outcome Reattachment::reattach(int connection) {
    auto request = make_request<alpine_attach>(ALPINE_MSG_REATTACH);
    std::memcpy(request.comm, client_.comm_, sizeof(request.comm));
    alpine_reply reply{};
    const Outcome outcome = ask(connection, request.header, sizeof(request), proof_, reply);
    if (outcome != Outcome::done || reply.error == 0) {
        return outcome;
    }
    // Its connections go on, but new ones cannot be made.
    complain("alpined was restarted and does not take this program back", reply.reason);
    return Outcome::never;
}

Reattachment::Outcome Reattachment::claim_with(int connection, const RegisteredClaim& claim, int socket, int& error) {
    auto request = make_request<alpine_claim>(ALPINE_MSG_CLAIM);
    request.endpoint = claim.endpoint;
    alpine_reply reply{};
    const Outcome outcome = ask(connection, request.header, sizeof(request), socket, reply);
    error = reply.error;
    return outcome;
}

// To an alpined that comes anew a bound socket is a proof, a listening one is none (proxy/bound_socket.h). It keeps its
// port when it stops listening, as it was bound to it by number (connect(2), AF_UNSPEC).
Reattachment::Outcome Reattachment::prove_anew(int connection, const RegisteredClaim& claim, int socket, int& error) {
    if (socket >= 0 && is_listening(socket)) {
        constexpr int backlog = 1;  // as calls/sockets.cpp has it
        const sockaddr nobody{};    // AF_UNSPEC
        raw_syscall(SYS_connect, socket, arg(&nobody), sizeof(nobody));
        const Outcome outcome = claim_with(connection, claim, socket, error);
        raw_syscall(SYS_listen, socket, backlog);
        return outcome;
    }
    const UniqueFd anew = bind_to(claim.endpoint);
    return anew.valid() ? claim_with(connection, claim, anew.get(), error) : Outcome::done;
}

// Once more for each claim: with the socket it was made with, and, if that is gone or proves nothing anymore, by name.
// Last by a proof as if for the first time.
Reattachment::Outcome Reattachment::claim_again(int connection, RegisteredClaim& claim) {
    UniqueFd socket = claim.socket >= 0 ? process_.borrow(claim.socket) : UniqueFd();
    if (socket.valid() && !is_bound_to(socket.get(), claim.endpoint)) {
        socket.reset();
    }
    for (std::uint32_t i = 0; i < claim.count; ++i) {
        int error = EBADF;
        Outcome outcome = Outcome::done;
        if (socket.valid()) {
            outcome = claim_with(connection, claim, socket.get(), error);
        }
        if (outcome == Outcome::done && error != 0) {
            outcome = claim_with(connection, claim, -1, error);
        }
        if (outcome == Outcome::done && error != 0) {
            outcome = prove_anew(connection, claim, socket.get(), error);
        }
        if (outcome != Outcome::done) {
            return outcome;
        }
        lost_claims_ += error != 0 ? 1 : 0;
    }
    return say_accepting(connection, claim);
}

Reattachment::Outcome Reattachment::say_accepting(int connection, const RegisteredClaim& claim) {
    if (claim.accepting == Accepting::unsaid) {
        return Outcome::done;
    }
    auto request = make_request<alpine_accepting>(ALPINE_MSG_ACCEPTING);
    request.endpoint = claim.endpoint;
    request.accepts = claim.accepting == Accepting::yes ? 1 : 0;
    alpine_reply reply{};
    return ask(connection, request.header, sizeof(request), -1, reply);
}

Reattachment::Outcome Reattachment::settle(int connection) {
    auto request = make_request<alpine_msg_header>(ALPINE_MSG_SETTLED);
    alpine_reply reply{};
    return ask(connection, request, sizeof(request), -1, reply);
}

/// Puts the connection where the program's threads find it, in the place of an earlier one that none of them took.
bool Reattachment::hand_over(int connection) {
    char byte = 0;
    for (UniqueFd stale; receive_with_fd(client_.handover_receive_.get(), &byte, 1, stale, MSG_DONTWAIT) > 0;) {
    }
    const FdMessage message(&byte, 1, connection);
    if (raw_syscall(SYS_sendmsg, client_.handover_send_.get(), arg(message.header()), MSG_NOSIGNAL | MSG_DONTWAIT) <
        0) {
        return false;
    }
    client_.announce_connection();
    return true;
}

}  // namespace alp::proxy
