// SPDX-License-Identifier: GPL-2.0
#include "proxy/service.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "proxy/bound_socket.h"
#include "proxy/explicit_claim.h"
#include "proxy/lease.h"
#include "proxy/log.h"
#include "proxy/privileged/reset.h"
#include "proxy/version.h"
#include "proxy/wellformed.h"

namespace alp::proxy {
namespace {

/// "pid 17 (uid 1000)", for the log.
std::string name_of(const ucred& peer) { return fmt::format("pid {} (uid {})", peer.pid, peer.uid); }

/// Copies text into a fixed field, cut to fit, always terminated.
template <std::size_t size>
void copy_text(char (&field)[size], std::string_view text) {
    const std::size_t length = std::min(text.size(), size - 1);
    text.copy(field, length);
    field[length] = '\0';
}

/// The name comes from a client: nothing but printable ASCII reaches a terminal.
std::string printable(const char (&comm)[16]) {
    std::string name(comm, strnlen(comm, sizeof(comm)));
    std::replace_if(
        name.begin(), name.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
    return name;
}

}  // namespace

Session& Service::open(UniqueFd connection, const ucred& peer) {
    const int fd = connection.get();
    auto session = std::make_unique<Session>(Session{std::move(connection), peer, std::nullopt});
    return *(sessions_[fd] = std::move(session));
}

// First the flows, so that nothing more is steered to the TUN; then the sockets that held the ports (they go with
// the claims), then the TUN. From here on the host answers for these ports: its peers get a reset, and those that would
// never ask are asked.
void Service::close(Session& session) {
    std::vector<alpine_connection_key> left_open;
    if (session.stack) {
        const unsigned ifindex = session.stack->line->ifindex();
        claims_.release_all(ifindex);
        left_open = wires_.take_connections(ifindex);
        wires_.forget(*session.stack->line);
        stacks_.erase(ifindex);
        log(LogLevel::info, "{} {}: stack on {} gone", session.stack->comm, name_of(session.peer),
            session.stack->line->ifname());
    }
    sessions_.erase(session.connection.get());
    provoke_resets(left_open);
}

void Service::drop_unheld_claims() {
    for (const auto& endpoint : claims_.drop_unheld(holds_port)) {
        log(LogLevel::warning, "claim of {} ended: its socket gave back the port", describe(endpoint));
    }
}

bool Service::owns_device(unsigned ifindex) const { return stacks_.contains(ifindex); }

bool Service::serve(Session& session, Incoming message) {
    const auto header = message.as<alpine_msg_header>();
    if (auto fit = check_framing(message); !fit) {
        (void)refuse(session, header, fit.error());
        return false;
    }
    const auto outcome = dispatch(session, header, message);
    return outcome || refuse(session, header, outcome.error());
}

bool Service::refuse(Session& session, const alpine_msg_header& request, const Error& error) {
    ++refusals_;
    log(LogLevel::warning, "refused {}: {}", name_of(session.peer), error.message());
    auto reply = make_reply<alpine_reply>(request);
    reply.error = error.code;
    copy_text(reply.reason, error.context);
    return send(session.connection.get(), bytes_of(reply)).ok();
}

Service::Outcome Service::dispatch(Session& session, const alpine_msg_header& header, Incoming& message) {
    if (header.type != ALPINE_MSG_CLAIM && !message.fds.empty()) {
        return Error{EINVAL, "a descriptor came with a request that takes none"};
    }
    switch (header.type) {
        case ALPINE_MSG_ATTACH:
            return attach(session, message);
        case ALPINE_MSG_CLAIM:
            return claim(session, message);
        case ALPINE_MSG_RELEASE:
            return release(session, message);
        case ALPINE_MSG_LEASE:
            return lease(session, message);
        case ALPINE_MSG_LIST:
            return list(session, message);
        default:
            return status(session, message);
    }
}

Result<Stack> Service::make_stack(const alpine_attach& request) {
    auto line = wires_.attach(static_cast<alpine_wire>(request.wire));
    if (!line) {
        return line.error();
    }
    return Stack{std::move(line).value(), printable(request.comm)};
}

Service::Outcome Service::attach(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_attach>();
    if (session.stack) {
        return Error{EALREADY, "this connection has its stack already"};
    }
    if (!policy_.allows_user(session.peer.uid)) {
        return Error{EPERM, fmt::format("alpined's policy does not allow user {}", session.peer.uid)};
    }
    auto stack = make_stack(request);
    if (!stack) {
        return stack.error();
    }
    const Line& line = *session.stack.emplace(std::move(stack).value()).line;
    stacks_[line.ifindex()] = &session;

    auto reply = make_reply<alpine_attach_reply>(request.header);
    reply.ifindex = line.ifindex();
    reply.mtu_bytes = host_.mtu_bytes();
    copy_text(reply.ifname, line.ifname());
    reply.wire = line.wire();
    log(LogLevel::info, "{} {}: stack on {}", session.stack->comm, name_of(session.peer), line.ifname());
    return send(session.connection.get(), bytes_of(reply), line.client_end());
}

Result<alpine_endpoint> Service::admit(const Session& session, const Incoming& message) {
    if (!session.stack) {
        return Error{ENOTCONN, "a claim before ATTACH"};
    }
    if (message.fds.size() > 1) {
        return Error{EINVAL, "a claim takes one socket"};
    }
    if (!message.fds.empty()) {
        return inspect_bound_socket(message.fds.front().get(), own_netns_);
    }
    return admit_explicit(message.as<alpine_claim>().endpoint, session.stack->line->ifindex(), session.peer.uid,
                          policy_, claims_);
}

Service::Outcome Service::claim(Session& session, Incoming& message) {
    const auto endpoint = admit(session, message);
    if (!endpoint) {
        return endpoint.error();
    }
    UniqueFd socket = message.fds.empty() ? UniqueFd() : std::move(message.fds.front());
    const unsigned ifindex = session.stack->line->ifindex();
    if (auto claimed = claims_.claim(ifindex, endpoint.value(), std::move(socket)); !claimed) {
        return claimed;
    }
    log(LogLevel::debug, "{} {}: claimed {}", session.stack->comm, name_of(session.peer), describe(endpoint.value()));
    auto reply = make_reply<alpine_claim_reply>(message.as<alpine_msg_header>());
    reply.endpoint = endpoint.value();
    return send(session.connection.get(), bytes_of(reply));
}

Service::Outcome Service::lease(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_lease>();
    if (!session.stack) {
        return Error{ENOTCONN, "a lease before ATTACH"};
    }
    if (request.count == 0) {
        return Error{EINVAL, "a lease of no port"};
    }
    auto reply = make_reply<alpine_lease_reply>(request.header);
    while (reply.count < std::min<unsigned>(request.count, ALPINE_LEASE_MAX)) {
        auto port = take_ephemeral_port(request.protocol);
        const auto claimed =
            port ? claims_.claim(session.stack->line->ifindex(), port.value().endpoint, std::move(port.value().socket))
                 : Result<void>(port.error());
        if (!claimed && reply.count == 0) {
            return claimed;
        }
        if (!claimed) {
            break;
        }
        reply.ports_be[reply.count++] = port.value().endpoint.key.port_be;
        reply.endpoint = port.value().endpoint;
    }
    reply.endpoint.key.port_be = 0;
    log(LogLevel::debug, "{} {}: leased {} ports", session.stack->comm, name_of(session.peer), reply.count);
    return send(session.connection.get(), bytes_of(reply));
}

Service::Outcome Service::release(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_release>();
    const bool quiet = (request.flags & ALPINE_RELEASE_QUIET) != 0;
    auto released = session.stack ? claims_.release(session.stack->line->ifindex(), request.endpoint)
                                  : Error{ENOTCONN, "a release before ATTACH"};
    if (!released && !quiet) {
        return released;
    }
    if (!released) {
        ++refusals_;
        log(LogLevel::warning, "{}: {}", name_of(session.peer), released.error().message());
    }
    return quiet ? Outcome() : send(session.connection.get(), bytes_of(make_reply<alpine_reply>(request.header)));
}

const Session* Service::next_visible(const Session& viewer, unsigned after_ifindex) const {
    for (auto stack = stacks_.upper_bound(after_ifindex); stack != stacks_.end(); ++stack) {
        if (viewer.peer.uid == 0 || viewer.peer.uid == stack->second->peer.uid) {
            return stack->second;
        }
    }
    return nullptr;
}

alpine_list_reply Service::record_of(const Session& session, const alpine_msg_header& request) const {
    const Line& line = *session.stack->line;
    auto record = make_reply<alpine_list_reply>(request);
    record.ifindex = line.ifindex();
    record.pid = session.peer.pid;
    record.uid = session.peer.uid;
    record.counters = wires_.counters(line.ifindex());
    copy_text(record.ifname, line.ifname());
    copy_text(record.comm, session.stack->comm);
    const auto endpoints = claims_.endpoints(line.ifindex());
    record.endpoints_total = static_cast<__u32>(endpoints.size());
    record.endpoints_shown = std::min<__u32>(record.endpoints_total, ALPINE_LIST_ENDPOINTS);
    std::copy_n(endpoints.begin(), record.endpoints_shown, record.endpoints);
    return record;
}

Service::Outcome Service::list(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_list>();
    const Session* found = next_visible(session, request.after_ifindex);
    if (found == nullptr) {
        auto end = make_reply<alpine_reply>(request.header);
        end.error = ENOENT;
        copy_text(end.reason, "no more stacks");
        return send(session.connection.get(), bytes_of(end));
    }
    return send(session.connection.get(), bytes_of(record_of(*found, request.header)));
}

Service::Outcome Service::status(Session& session, const Incoming& message) {
    auto reply = make_reply<alpine_status_reply>(message.as<alpine_msg_header>());
    const auto uptime = std::chrono::steady_clock::now() - started_;
    reply.pid = getpid();
    reply.clients = static_cast<__u32>(sessions_.size());
    reply.stacks = static_cast<__u32>(stacks_.size());
    reply.endpoints = static_cast<__u32>(claims_.size());
    reply.interfaces = static_cast<__u32>(wires_.host_count());
    reply.addresses = static_cast<__u32>(host_.addresses().size());
    reply.uptime_s = static_cast<__u64>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
    reply.refusals = refusals_;
    std::ranges::copy(wires_.verdicts(), reply.verdicts);
    reply.wires = wires_.offered();
    copy_text(reply.program_version, program_version);
    return send(session.connection.get(), bytes_of(reply));
}

}  // namespace alp::proxy
