// SPDX-License-Identifier: GPL-2.0
#include "proxy/client/client.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <climits>
#include <cstdlib>
#include <cstring>
#include <span>

#include "base/fd_message.h"
#include "proxy/client/address.h"
#include "proxy/client/requests.h"

namespace alp::proxy {
namespace {

// Own descriptors go up here: high enough to be out of the way, low enough to not make the kernel's table large.
constexpr int high_descriptor = 960;

Error error_of(long result, std::string context) { return Error{static_cast<int>(-result), std::move(context)}; }

std::string start_it(const std::string& address) {
    return "alpined is not running on this host (no answer at " + address +
           "): start it with 'sudo alpined' or 'sudo ./dev lab up'";
}

/// An abstract name is anybody's who is quick: only root, or the user himself, is believed to be alpined.
Result<void> check_peer(int connection, const std::string& address) {
    ucred peer{};
    if (const long result = raw_getsockopt(connection, SOL_SOCKET, SO_PEERCRED, peer); result < 0) {
        return error_of(result, "cannot tell who listens at " + address);
    }
    if (peer.uid != 0 && peer.uid != static_cast<uid_t>(raw_syscall(SYS_geteuid))) {
        return Error{EPERM, "what listens at " + address + " is not alpined but a program of user " +
                                std::to_string(peer.uid) + ": stop it and start 'sudo alpined'"};
    }
    return {};
}

alpine_endpoint endpoint_of(const Claim& claim) {
    alpine_endpoint endpoint{};
    std::memcpy(endpoint.key.addr, &claim.address, sizeof(endpoint.key.addr));
    endpoint.key.port_be = htons(claim.port);
    endpoint.key.protocol = claim.protocol;
    endpoint.flags = claim.dual_stack ? ALPINE_ENDPOINT_DUAL : 0;
    return endpoint;
}

Claim claim_of(const alpine_endpoint& endpoint) {
    Claim claim;
    std::memcpy(&claim.address, endpoint.key.addr, sizeof(claim.address));
    claim.port = ntohs(endpoint.key.port_be);
    claim.protocol = endpoint.key.protocol;
    claim.dual_stack = (endpoint.flags & ALPINE_ENDPOINT_DUAL) != 0;
    return claim;
}

long now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1'000'000;
}

/// The connection is no more?
bool is_lost(const Error& error) { return error.code == EPIPE || error.code == ECONNRESET || error.code == ENOTCONN; }

void own_comm(char (&comm)[16]) {
    constexpr long pr_get_name = 16;
    raw_syscall(SYS_prctl, pr_get_name, arg(comm));
    comm[sizeof(comm) - 1] = '\0';
}

}  // namespace

std::string default_address() {
    const char* named = std::getenv(ALPINE_PROXY_SOCKET_ENV);
    return named != nullptr && *named != '\0' ? named : ALPINE_PROXY_SOCKET;
}

UniqueFd move_high(UniqueFd fd) {
    rlimit limit{};
    raw_syscall(SYS_prlimit64, 0, RLIMIT_NOFILE, 0, arg(&limit));
    const auto room = static_cast<int>(std::min<rlim_t>(limit.rlim_cur, high_descriptor + 64)) - 64;
    const long moved = raw_syscall(SYS_fcntl, fd.get(), F_DUPFD_CLOEXEC, std::max(room, 0));
    return moved < 0 ? std::move(fd) : UniqueFd(static_cast<int>(moved));
}

Result<void> Client::connect(std::string_view address) {
    const LockedWithoutSignals locked(shared_->lock);
    if (connection_.valid()) {
        return Error{EISCONN, "connected to alpined already"};
    }
    const auto to = socket_address(address);
    if (!to) {
        return to.error();
    }
    address_ = address;
    const long opened = raw_syscall(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (opened < 0) {
        return error_of(opened, "cannot make a socket to reach alpined");
    }
    UniqueFd connection = move_high(UniqueFd(static_cast<int>(opened)));
    raw_syscall(SYS_setsockopt, connection.get(), SOL_SOCKET, SO_RCVTIMEO, arg(&kAnswerTimeout),
                sizeof(kAnswerTimeout));
    const long result = raw_syscall(SYS_connect, connection.get(), arg(&to.value().address), to.value().length);
    if (result < 0) {
        return error_of(result, start_it(address_));
    }
    if (auto trusted = check_peer(connection.get(), address_); !trusted) {
        return trusted;
    }
    connection_ = std::move(connection);
    fd_.store(connection_.get(), std::memory_order_relaxed);
    return {};
}

void Client::share(ClientShared& shared) {
    shared.sequence = own_.sequence;
    std::memcpy(shared.comm, own_.comm, sizeof(shared.comm));
    shared_ = &shared;
}

void Client::adopt(std::string_view address, const Inherited& inherited, ClientShared& shared) {
    shared_ = &shared;
    address_ = address;
    connection_.reset(inherited.connection);
    fd_.store(inherited.connection, std::memory_order_relaxed);
    handover_receive_.reset(inherited.handover_receive);
    handover_send_.reset(inherited.handover_send);
}

Result<void> Client::send(const alpine_msg_header& request, std::size_t length, int send_fd) const {
    const FdMessage message(&request, length, send_fd);
    const long result = raw_syscall(SYS_sendmsg, connection_.get(), arg(message.header()), MSG_NOSIGNAL);
    if (result == -EPIPE || result == -ECONNRESET) {
        return error_of(result, "alpined has gone away: " + start_it(address_));
    }
    return result < 0 ? error_of(result, "cannot ask alpined") : Result<void>();
}

Result<void> Client::receive(RawReply& reply) const {
    const long length = receive_with_fd(connection_.get(), reply.bytes.data(), reply.bytes.size(), reply.fd, 0);
    if (length == -EAGAIN) {
        return Error{ETIMEDOUT, "alpined at " + address_ + " does not answer: look at its log, or restart it"};
    }
    if (length == 0 || length == -ECONNRESET) {
        return Error{ECONNRESET, "alpined has gone away: " + start_it(address_)};
    }
    if (length < 0) {
        return error_of(length, "cannot read alpined's answer");
    }
    reply.length = static_cast<std::size_t>(length);
    return {};
}

Result<void> Client::prepare_handover() {
    if (handover_receive_.valid()) {
        return {};
    }
    int pair[2];
    if (const long made = raw_syscall(SYS_socketpair, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, arg(pair)); made < 0) {
        return error_of(made, "cannot prepare for a restart of alpined");
    }
    handover_receive_ = move_high(UniqueFd(pair[0]));
    handover_send_ = move_high(UniqueFd(pair[1]));
    return {};
}

void Client::announce_connection() {
    shared_->announced.fetch_add(1);
    raw_syscall(SYS_futex, arg(&shared_->announced), FUTEX_WAKE, INT_MAX);
}

void Client::take_connection() {
    const std::uint32_t announced = shared_->announced.load();
    if (announced == taken_) {
        return;
    }
    // It stays there for the other processes.
    char byte = 0;
    UniqueFd connection;
    if (receive_with_fd(handover_receive_.get(), &byte, 1, connection, MSG_DONTWAIT | MSG_PEEK) > 0 &&
        connection.valid()) {
        raw_syscall(SYS_dup3, connection.get(), connection_.get(), O_CLOEXEC);
    }
    taken_ = announced;
}

bool Client::wait_for_connection(std::uint32_t seen, long deadline_ms) {
    while (shared_->announced.load() == seen) {
        const long left_ms = deadline_ms - now_ms();
        if (left_ms <= 0) {
            return false;
        }
        const timespec left{left_ms / 1000, left_ms % 1000 * 1'000'000};
        raw_syscall(SYS_futex, arg(&shared_->announced), FUTEX_WAIT, seen, arg(&left));
    }
    return true;
}

/// Keeps count of what would have to be claimed again.
void Client::note(const alpine_msg_header& request, int send_fd, const RawReply& reply) {
    if (reply.head().error != 0) {
        return;
    }
    if (request.type == ALPINE_MSG_CLAIM && reply.length == sizeof(alpine_claim_reply)) {
        alpine_claim_reply granted{};
        std::memcpy(&granted, reply.bytes.data(), sizeof(granted));
        shared_->registry.add(granted.endpoint, send_fd);
    } else if (request.type == ALPINE_MSG_LEASE && reply.length == sizeof(alpine_lease_reply)) {
        alpine_lease_reply granted{};
        std::memcpy(&granted, reply.bytes.data(), sizeof(granted));
        for (unsigned i = 0; i < std::min<unsigned>(granted.count, ALPINE_LEASE_MAX); ++i) {
            granted.endpoint.key.port_be = granted.ports_be[i];
            shared_->registry.add(granted.endpoint, -1);
        }
    } else {
        note_change(request);
    }
}

/// What changes a claim there is. False: another request.
bool Client::note_change(const alpine_msg_header& request) {
    if (request.type == ALPINE_MSG_RELEASE) {
        shared_->registry.remove(reinterpret_cast<const alpine_release&>(request).endpoint);
    } else if (request.type == ALPINE_MSG_ACCEPTING) {
        const auto& word = reinterpret_cast<const alpine_accepting&>(request);
        shared_->registry.set_accepting(word.endpoint, word.accepts != 0);
    } else {
        return false;
    }
    return true;
}

/// While alpined is away: a claim that is released will not be named again, and what is said of accepting will be when
/// it is. That is all it takes.
bool Client::drop_while_away(const alpine_msg_header& request) {
    return handover_receive_.valid() && note_change(request);
}

// A reply that came too late for its request is still in line before ours: it is passed over.
Result<void> Client::exchange_once(alpine_msg_header& request, std::size_t length, int send_fd, RawReply& reply) {
    if (!connection_.valid()) {
        return Error{ENOTCONN, "not connected to alpined"};
    }
    request.sequence = ++shared_->sequence;
    if (auto sent = send(request, length, send_fd); !sent) {
        return sent;
    }
    do {
        if (auto received = receive(reply); !received) {
            return received;
        }
    } while (reply.head().header.sequence != request.sequence);
    note(request, send_fd, reply);
    return {};
}

// What broke in the middle is asked once more of the next alpined. That is safe: what the one before has granted and
// nobody heard of ends with SETTLED.
Result<void> Client::exchange(alpine_msg_header& request, std::size_t length, int send_fd, RawReply& reply) {
    const long deadline_ms = now_ms() + kPatienceMs;
    for (;;) {
        std::uint32_t seen = 0;
        {
            const LockedWithoutSignals locked(shared_->lock);
            take_connection();
            seen = shared_->announced.load();
            auto exchanged = exchange_once(request, length, send_fd, reply);
            if (exchanged || !is_lost(exchanged.error()) || !handover_receive_.valid()) {
                return exchanged;
            }
            if (drop_while_away(request)) {
                reply = RawReply{};
                return {};
            }
        }
        if (!wait_for_connection(seen, deadline_ms)) {
            return Error{ENETDOWN, start_it(address_)};
        }
    }
}

/// Sends a request and reads its answer as an R; whatever is not one is an error.
template <typename R>
Result<R> Client::ask(alpine_msg_header& request, std::size_t length, int send_fd, UniqueFd* received_fd) {
    RawReply reply;
    if (auto exchanged = exchange(request, length, send_fd, reply); !exchanged) {
        return exchanged.error();
    }
    const alpine_reply head = reply.head();
    if (reply.length == 0) {
        return R{};  // dropped without alpined
    }
    if (head.header.magic != ALPINE_PROXY_MAGIC || reply.length < sizeof(head)) {
        return Error{EBADMSG, "what answers at " + address_ + " does not speak Alpine's protocol"};
    }
    if (head.error != 0) {
        return Error{head.error, std::string(head.reason, strnlen(head.reason, sizeof(head.reason)))};
    }
    if (head.header.version != ALPINE_PROXY_VERSION || reply.length != sizeof(R)) {
        return Error{EPROTO, "alpined speaks another version of the protocol: restart it from the same build"};
    }
    if (received_fd != nullptr) {
        *received_fd = std::move(reply.fd);
    }
    R typed{};
    std::memcpy(&typed, reply.bytes.data(), sizeof(typed));
    return typed;
}

Result<Attachment> Client::attach(alpine_wire wire) {
    auto request = make_request<alpine_attach>(ALPINE_MSG_ATTACH);
    own_comm(request.comm);
    request.wire = wire;
    std::memcpy(shared_->comm, request.comm, sizeof(shared_->comm));
    UniqueFd tun;
    const auto reply = ask<alpine_attach_reply>(request.header, sizeof(request), -1, &tun);
    if (!reply) {
        return reply.error();
    }
    if (!tun.valid()) {
        return Error{EBADMSG, "alpined sent no wire: raise the limit of open files (ulimit -n)"};
    }
    UniqueFd far_end;
    if (reply.value().wire == ALPINE_WIRE_CLASSIC) {
        auto wish = make_request<alpine_msg_header>(ALPINE_MSG_FAR_END);
        if (const auto given = ask<alpine_reply>(wish, sizeof(wish), -1, &far_end); !given) {
            return given.error();
        }
    }
    const auto& answer = reply.value();
    return Attachment{move_high(std::move(tun)), far_end.valid() ? move_high(std::move(far_end)) : UniqueFd(),
                      answer.ifindex, answer.mtu_bytes,
                      std::string(answer.ifname, strnlen(answer.ifname, sizeof(answer.ifname)))};
}

Result<Claim> Client::ask_claim(alpine_claim& request, int socket) {
    const auto reply = ask<alpine_claim_reply>(request.header, sizeof(request), socket, nullptr);
    if (!reply) {
        return reply.error();
    }
    return claim_of(reply.value().endpoint);
}

Result<Claim> Client::claim(int socket) {
    auto request = make_request<alpine_claim>(ALPINE_MSG_CLAIM);
    if (socket < 0) {
        return Error{EBADF, "no socket to claim with"};
    }
    return ask_claim(request, socket);
}

Result<Claim> Client::claim_explicit(std::uint8_t protocol, const in6_addr& address, std::uint16_t port,
                                     bool dual_stack) {
    auto request = make_request<alpine_claim>(ALPINE_MSG_CLAIM);
    request.endpoint = endpoint_of({protocol, address, port, dual_stack});
    return ask_claim(request, -1);
}

Result<std::vector<Claim>> Client::lease(std::uint8_t protocol, unsigned count) {
    auto request = make_request<alpine_lease>(ALPINE_MSG_LEASE);
    request.protocol = protocol;
    request.count = count;
    const auto reply = ask<alpine_lease_reply>(request.header, sizeof(request), -1, nullptr);
    if (!reply) {
        return reply.error();
    }
    std::vector<Claim> leased;
    alpine_endpoint endpoint = reply.value().endpoint;
    for (unsigned i = 0; i < std::min<unsigned>(reply.value().count, ALPINE_LEASE_MAX); ++i) {
        endpoint.key.port_be = reply.value().ports_be[i];
        leased.push_back(claim_of(endpoint));
    }
    return leased;
}

Result<void> Client::set_accepting(const Claim& claim, bool accepts) {
    auto request = make_request<alpine_accepting>(ALPINE_MSG_ACCEPTING);
    request.endpoint = endpoint_of(claim);
    request.accepts = accepts ? 1 : 0;
    const auto reply = ask<alpine_reply>(request.header, sizeof(request), -1, nullptr);
    return reply ? Result<void>() : reply.error();
}

Result<void> Client::release(const Claim& claim) {
    auto request = make_request<alpine_release>(ALPINE_MSG_RELEASE);
    request.endpoint = endpoint_of(claim);
    const auto reply = ask<alpine_reply>(request.header, sizeof(request), -1, nullptr);
    return reply ? Result<void>() : reply.error();
}

template <typename R, typename Request>
Result<std::vector<R>> Client::ask_for_all(Request request, void (*go_on)(Request& request, const R& last)) {
    std::vector<R> records;
    for (;;) {
        const auto reply = ask<R>(request.header, sizeof(request), -1, nullptr);
        if (!reply && reply.error().code == ENOENT) {
            return records;
        }
        if (!reply) {
            return reply.error();
        }
        records.push_back(reply.value());
        go_on(request, records.back());
    }
}

Result<std::vector<alpine_list_reply>> Client::list() {
    return ask_for_all<alpine_list_reply, alpine_list>(
        make_request<alpine_list>(ALPINE_MSG_LIST),
        [](alpine_list& request, const alpine_list_reply& last) { request.after_ifindex = last.ifindex; });
}

Result<std::vector<alpine_refusals_reply>> Client::refusals() {
    return ask_for_all<alpine_refusals_reply, alpine_refusals>(
        make_request<alpine_refusals>(ALPINE_MSG_REFUSALS),
        [](alpine_refusals& request, const alpine_refusals_reply& last) { request.after = last.number; });
}

Result<alpine_status_reply> Client::status() {
    auto request = make_request<alpine_msg_header>(ALPINE_MSG_STATUS);
    return ask<alpine_status_reply>(request, sizeof(request), -1, nullptr);
}

}  // namespace alp::proxy
