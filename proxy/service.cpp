// SPDX-License-Identifier: GPL-2.0
#include "proxy/service.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "proxy/bound_socket.h"
#include "proxy/explicit_claim.h"
#include "proxy/lease.h"
#include "proxy/log.h"
#include "proxy/privileged/connections.h"
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

/// An endpoint that a client named, without what has no meaning.
alpine_endpoint sanitized(alpine_endpoint endpoint) {
    endpoint.key.pad = 0;
    const bool v6_wildcard = std::memcmp(endpoint.key.addr, &in6addr_any, sizeof(in6addr_any)) == 0;
    endpoint.flags = v6_wildcard ? endpoint.flags & ALPINE_ENDPOINT_DUAL : 0;
    return endpoint;
}

bool is_socket(int file) {
    int domain = 0;
    socklen_t length = sizeof(domain);
    return getsockopt(file, SOL_SOCKET, SO_DOMAIN, &domain, &length) == 0;
}

alpine_stack_record record_for(const ucred& peer, const Line& line, const std::string& comm) {
    alpine_stack_record record{};
    record.uid = peer.uid;
    record.pid = peer.pid;
    copy_text(record.ifname, line.ifname());
    copy_text(record.comm, comm);
    return record;
}

/// Not a refusal: nothing was wrong with the request.
Result<void> end_of_list(const Session& session, const alpine_msg_header& request, std::string_view line) {
    auto end = make_reply<alpine_reply>(request);
    end.error = ENOENT;
    copy_text(end.reason, line);
    return send(session.connection.get(), bytes_of(end));
}

}  // namespace

Session& Service::open(UniqueFd connection, const ucred& peer) {
    const int fd = connection.get();
    auto session = std::make_unique<Session>(Session{std::move(connection), peer, std::nullopt});
    return *(sessions_[fd] = std::move(session));
}

void Service::close(Session& session) {
    if (session.stack) {
        const unsigned ifindex = session.stack->line->ifindex();
        session.stack->line->flush();
        stacks_.erase(ifindex);
        log(LogLevel::info, "{} {}: stack on {} gone", session.stack->comm, name_of(session.peer),
            session.stack->line->ifname());
        end_stack(wires_, claims_, ifindex, [&session] { session.stack.reset(); });
        quota_.remove_stack(ifindex);
    }
    sessions_.erase(session.connection.get());
}

bool Service::has_lasting_stacks() const {
    return !survivors_.all().empty() ||
           std::ranges::any_of(stacks_, [](const auto& stack) { return stack.second->stack->line->lasts(); });
}

void Service::leave_stacks() {
    for (auto& [ifindex, session] : stacks_) {
        session->stack->line->leave();
    }
}

void Service::audit() {
    const auto dropped = claims_.drop_unheld(holds_port);
    for (const auto& endpoint : dropped) {
        log(LogLevel::warning, "claim of {} ended: its socket gave back the port", describe(endpoint));
    }
    for (const auto& [ifindex, session] : stacks_) {
        if (!dropped.empty()) {
            quota_.recount(ifindex, claims_.endpoints(ifindex));
        }
    }
    claims_.hold_unheld(hold_port);
    quota_.read_range();
    look_at_split_ports();
    bury_dead();
}

void Service::adopt_survivors() {
    for (const std::uint16_t port_be : wires_.split_ports()) {
        split_ports_.insert(port_be);
    }
    survivors_.adopt_all();
    for (const auto& [ifindex, record] : survivors_.all()) {
        quota_.add_stack(ifindex, record.uid);
        quota_.recount(ifindex, claims_.endpoints(ifindex));
    }
}

void Service::bury_dead() {
    for (const unsigned ifindex : survivors_.bury_dead()) {
        quota_.remove_stack(ifindex);
    }
}

bool Service::owns_device(unsigned ifindex) const { return stacks_.contains(ifindex); }

bool Service::serve(Session& session, Incoming message) {
    const auto header = message.as<alpine_msg_header>();
    if (auto fit = check_framing(message); !fit) {
        (void)refuse(session, message, fit.error());
        return false;
    }
    const auto outcome = dispatch(session, header, message);
    return outcome || refuse(session, message, outcome.error());
}

void Service::count_refusal(const Session& session, const Incoming& message, const Error& error) {
    const ucred& who = message.sender ? *message.sender : session.peer;
    refusals_.add(who, session.stack ? session.stack->comm : std::string(), error);
    log(LogLevel::warning, "refused {}: {}", name_of(who), error.message());
}

bool Service::refuse(Session& session, const Incoming& message, const Error& error) {
    count_refusal(session, message, error);
    auto reply = make_reply<alpine_reply>(message.as<alpine_msg_header>());
    reply.error = error.code;
    copy_text(reply.reason, error.context);
    return send(session.connection.get(), bytes_of(reply)).ok();
}

Service::Outcome Service::dispatch(Session& session, const alpine_msg_header& header, Incoming& message) {
    if (header.type != ALPINE_MSG_CLAIM && header.type != ALPINE_MSG_REATTACH && !message.fds.empty()) {
        return Error{EINVAL, "a descriptor came with a request that takes none"};
    }
    switch (header.type) {
        case ALPINE_MSG_ATTACH:
            return attach(session, message);
        case ALPINE_MSG_REATTACH:
            return reattach(session, message);
        case ALPINE_MSG_SETTLED:
            return settled(session, message);
        case ALPINE_MSG_FAR_END:
            return far_end(session, message);
        case ALPINE_MSG_CLAIM:
            return claim(session, message);
        case ALPINE_MSG_RELEASE:
            return release(session, message);
        case ALPINE_MSG_LEASE:
            return lease(session, message);
        case ALPINE_MSG_ACCEPTING:
            return accepting(session, message);
        case ALPINE_MSG_LIST:
            return list(session, message);
        case ALPINE_MSG_REFUSALS:
            return refusals(session, message);
        default:
            return status(session, message);
    }
}

Result<Stack> Service::make_stack(const Session& session, std::uint32_t wire, const std::string& comm) {
    auto line = wires_.attach(wire);
    if (!line) {
        return line.error();
    }
    if (auto recorded = wires_.record(*line.value(), record_for(session.peer, *line.value(), comm)); !recorded) {
        wires_.forget(line.value()->ifindex());
        return recorded.error();
    }
    return Stack{std::move(line).value(), comm};
}

/// The session has its stack: says so. `client_end` negative: the client has it.
Service::Outcome Service::own_stack(Session& session, Stack stack, const alpine_msg_header& request, int client_end) {
    const Line& line = *session.stack.emplace(std::move(stack)).line;
    stacks_[line.ifindex()] = &session;
    quota_.add_stack(line.ifindex(), session.peer.uid);

    auto reply = make_reply<alpine_attach_reply>(request);
    reply.ifindex = line.ifindex();
    reply.mtu_bytes = host_.mtu_bytes();
    copy_text(reply.ifname, line.ifname());
    reply.wire = line.wire();
    return send(session.connection.get(), bytes_of(reply), client_end);
}

/// One that did not outlive an alpined.
Result<void> Service::admit_new_stack(const Session& session) const {
    if (session.stack) {
        return Error{EALREADY, "this connection has its stack already"};
    }
    if (!policy_.allows_user(session.peer.uid)) {
        return Error{EPERM, fmt::format("alpined's policy does not allow user {}", session.peer.uid)};
    }
    return quota_.admit_stack(session.peer.uid);
}

Service::Outcome Service::attach(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_attach>();
    if (auto admitted = admit_new_stack(session); !admitted) {
        return admitted;
    }
    auto stack = make_stack(session, request.wire, printable(request.comm));
    if (!stack) {
        return stack.error();
    }
    const Line& line = *stack.value().line;
    const int client_end = line.client_end();
    log(LogLevel::info, "{} {}: stack on {}", stack.value().comm, name_of(session.peer), line.ifname());
    return own_stack(session, std::move(stack).value(), request.header, client_end);
}

/// The stack behind a TUN, from wherever it is: among the survivors, or another connection's.
Result<Stack> Service::take_stack(const Session& session, UniqueFd queue, const TunIdentity& tun,
                                  const std::string& comm) {
    const auto held = stacks_.find(tun.ifindex);
    const alpine_stack_record* survivor = survivors_.find(tun.ifindex);
    if (held == stacks_.end() && survivor == nullptr) {
        return Error{ENOENT, "alpined does not know the stack behind " + tun.ifname + ": start the program again"};
    }
    const uid_t owner = survivor != nullptr ? survivor->uid : held->second->peer.uid;
    if (owner != session.peer.uid) {
        return Error{EPERM, fmt::format("the stack behind {} is another user's", tun.ifname)};
    }
    if (survivor != nullptr) {
        survivors_.take(tun.ifindex);
        return Stack{Wires::adopt(std::move(queue), tun), comm, false};
    }
    Stack stack = std::move(*held->second->stack);
    held->second->stack.reset();
    stack.settled = true;  // all its claims are known
    return stack;
}

Service::Outcome Service::reattach(Session& session, Incoming& message) {
    const auto request = message.as<alpine_attach>();
    if (session.stack) {
        return Error{EALREADY, "this connection has its stack already"};
    }
    if (message.fds.size() != 1) {
        return Error{EINVAL, "REATTACH takes one descriptor, the TUN queue or the far end of a line"};
    }
    if (is_socket(message.fds.front().get())) {
        return reattach_line(session, message);
    }
    if (!policy_.allows_user(session.peer.uid)) {
        return Error{EPERM, fmt::format("alpined's policy does not allow user {}", session.peer.uid)};
    }
    const auto tun = identify_tun(message.fds.front().get());
    if (!tun) {
        return tun.error();
    }
    auto stack = take_stack(session, std::move(message.fds.front()), tun.value(), printable(request.comm));
    if (!stack) {
        return stack.error();
    }
    const Line& line = *stack.value().line;
    if (auto recorded = wires_.record(line, record_for(session.peer, line, stack.value().comm)); !recorded) {
        log(LogLevel::error, "{}", recorded.error().message());
    }
    log(LogLevel::info, "{} {}: stack on {} is back", stack.value().comm, name_of(session.peer), tun.value().ifname);
    return own_stack(session, std::move(stack).value(), request.header, -1);
}

/// On the classic wire: all of the stack that is left is its line, so that it has no claims yet.
Service::Outcome Service::reattach_line(Session& session, Incoming& message) {
    const auto request = message.as<alpine_attach>();
    if (auto admitted = admit_new_stack(session); !admitted) {
        return admitted;
    }
    auto line = wires_.attach_again(std::move(message.fds.front()));
    if (!line) {
        return line.error();
    }
    Stack stack{std::move(line).value(), printable(request.comm)};
    log(LogLevel::info, "{} {}: stack is back, on {}", stack.comm, name_of(session.peer), stack.line->ifname());
    return own_stack(session, std::move(stack), request.header, -1);
}

Service::Outcome Service::far_end(Session& session, const Incoming& message) {
    if (!session.stack) {
        return Error{ENOTCONN, "FAR_END before ATTACH"};
    }
    const int end = session.stack->line->far_end();
    if (end < 0) {
        return Error{EOPNOTSUPP, "only lines of the classic wire have a far end"};
    }
    return send(session.connection.get(), bytes_of(make_reply<alpine_reply>(message.as<alpine_msg_header>())), end);
}

Service::Outcome Service::settled(Session& session, const Incoming& message) {
    if (!session.stack) {
        return Error{ENOTCONN, "SETTLED before REATTACH"};
    }
    session.stack->settled = true;
    if (const auto ended = claims_.settle(session.stack->line->ifindex()); ended != 0) {
        log(LogLevel::debug, "{} {}: {} endpoints given up while alpined was away", session.stack->comm,
            name_of(session.peer), ended);
    }
    quota_.recount(session.stack->line->ifindex(), claims_.endpoints(session.stack->line->ifindex()));
    claims_.hold_unheld(hold_port);
    return send(session.connection.get(), bytes_of(make_reply<alpine_reply>(message.as<alpine_msg_header>())));
}

/// What the stack had before alpined was restarted. A socket, if there is one, is to hold it.
Result<alpine_endpoint> Service::admit_again(const alpine_endpoint& wanted, const Incoming& message) const {
    if (message.fds.empty()) {
        return wanted;
    }
    const int socket = message.fds.front().get();
    auto found = inspect_held_socket(socket, own_netns_);
    if (!found) {
        return found;
    }
    if (std::memcmp(&found.value(), &wanted, sizeof(wanted)) != 0 || !holds_port(socket)) {
        return Error{EINVAL, "the socket does not hold " + describe(wanted)};
    }
    return wanted;
}

Result<alpine_endpoint> Service::admit(const Session& session, const Incoming& message) {
    if (!session.stack) {
        return Error{ENOTCONN, "a claim before ATTACH"};
    }
    if (message.fds.size() > 1) {
        return Error{EINVAL, "a claim takes one socket"};
    }
    const auto wanted = sanitized(message.as<alpine_claim>().endpoint);
    if (!session.stack->settled && claims_.owns(session.stack->line->ifindex(), wanted)) {
        return admit_again(wanted, message);
    }
    if (!message.fds.empty()) {
        return inspect_bound_socket(message.fds.front().get(), own_netns_);
    }
    return admit_explicit(wanted, session.stack->line->ifindex(), session.peer.uid, policy_, claims_);
}

/// What a claim allows others. One that is made again without its socket says nothing new about that.
Sharing Service::sharing_of(const Session& session, const alpine_endpoint& endpoint, int socket) const {
    if (socket >= 0) {
        return proxy::sharing_of(socket, session.peer.uid);
    }
    return session.stack->settled ? Sharing{} : claims_.sharing_of(session.stack->line->ifindex(), endpoint.key);
}

/// Of programs that had the port before. The host's bind(2) lets others have it meanwhile if both sides allow it.
void Service::look_for_host_connections(const alpine_flow_key& key, const Sharing& sharing) {
    if (key.protocol != IPPROTO_TCP || !(sharing.reuse_address || sharing.reuse_port)) {
        return;
    }
    const auto found = host_has_connections(key.port_be);
    if (!found) {
        log(LogLevel::warning, "connections of the host on port {} are not looked for: {}", ntohs(key.port_be),
            found.error().message());
    } else if (found.value() && split_ports_.insert(key.port_be).second) {
        wires_.split_port(key.port_be, true);
    }
}

void Service::look_at_split_ports() {
    std::erase_if(split_ports_, [this](std::uint16_t port_be) {
        const auto found = host_has_connections(port_be);
        const bool ended = found && !found.value();
        if (ended) {
            wires_.split_port(port_be, false);
        }
        return ended;
    });
}

Service::Outcome Service::claim(Session& session, Incoming& message) {
    const auto endpoint = admit(session, message);
    if (!endpoint) {
        return endpoint.error();
    }
    const unsigned ifindex = session.stack->line->ifindex();
    UniqueFd socket;
    if (!message.fds.empty()) {
        socket = std::move(message.fds.front());
    } else if (!session.stack->settled && (endpoint.value().flags & ALPINE_ENDPOINT_DUAL) == 0) {
        socket = claims_.take_holder(ifindex, endpoint.value());
    }
    const std::uint16_t port = ntohs(endpoint.value().key.port_be);
    // What a stack had before alpined was restarted, it has, and it is counted (adopt_survivors()): once.
    const bool has_it = !session.stack->settled && claims_.name_again(ifindex, endpoint.value());
    if (!has_it) {
        if (auto admitted = quota_.admit_claim(session.peer.uid, port); !admitted) {
            return admitted;
        }
    }
    const Sharing sharing = sharing_of(session, endpoint.value(), socket.get());
    look_for_host_connections(endpoint.value().key, sharing);  // before the first packet is steered
    if (auto claimed = claims_.claim(ifindex, endpoint.value(), std::move(socket), sharing); !claimed) {
        return claimed;
    }
    if (!has_it) {
        quota_.add_claim(ifindex, port);
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
        const auto admitted = quota_.admit_claim(session.peer.uid, 0);
        auto port = admitted ? take_ephemeral_port(request.protocol) : admitted.error();
        auto claimed =
            port ? claims_.claim(session.stack->line->ifindex(), port.value().endpoint, std::move(port.value().socket))
                 : Result<void>(port.error());
        if (!claimed && reply.count == 0) {
            return claimed;
        }
        if (!claimed) {
            break;
        }
        quota_.add_claim(session.stack->line->ifindex(), ntohs(port.value().endpoint.key.port_be));
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
    if (released) {
        quota_.remove_claim(session.stack->line->ifindex(), ntohs(request.endpoint.key.port_be));
    }
    if (!released && !quiet) {
        return released;
    }
    if (!released) {
        count_refusal(session, message, released.error());
    }
    return quiet ? Outcome() : send(session.connection.get(), bytes_of(make_reply<alpine_reply>(request.header)));
}

Service::Outcome Service::accepting(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_accepting>();
    auto set = session.stack
                   ? claims_.set_accepting(session.stack->line->ifindex(), request.endpoint, request.accepts != 0)
                   : Error{ENOTCONN, "word of accepting before ATTACH"};
    return set ? send(session.connection.get(), bytes_of(make_reply<alpine_reply>(request.header))) : set;
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
        return end_of_list(session, request.header, "no more stacks");
    }
    return send(session.connection.get(), bytes_of(record_of(*found, request.header)));
}

Service::Outcome Service::refusals(Session& session, const Incoming& message) {
    const auto request = message.as<alpine_refusals>();
    const Refusal* found = refusals_.next(request.after, session.peer.uid);
    if (found == nullptr) {
        return end_of_list(session, request.header, "no more refusals");
    }
    auto reply = make_reply<alpine_refusals_reply>(request.header);
    reply.number = found->number;
    reply.count = found->count;
    reply.pid = found->pid;
    reply.uid = found->uid;
    reply.error = found->error;
    copy_text(reply.comm, found->comm);
    copy_text(reply.line, found->last_line);
    return send(session.connection.get(), bytes_of(reply));
}

Service::Outcome Service::status(Session& session, const Incoming& message) {
    auto reply = make_reply<alpine_status_reply>(message.as<alpine_msg_header>());
    const auto uptime = std::chrono::steady_clock::now() - started_;
    reply.pid = getpid();
    reply.clients = static_cast<__u32>(sessions_.size());
    reply.stacks = static_cast<__u32>(stacks_.size() + survivors_.all().size());
    reply.endpoints = static_cast<__u32>(claims_.size());
    reply.interfaces = static_cast<__u32>(wires_.host_count());
    reply.addresses = static_cast<__u32>(host_.addresses().size());
    reply.uptime_s = static_cast<__u64>(std::chrono::duration_cast<std::chrono::seconds>(uptime).count());
    reply.refusals = refusals_.total();
    std::ranges::copy(wires_.verdicts(), reply.verdicts);
    reply.wires = wires_.offered();
    copy_text(reply.program_version, program_version);
    return send(session.connection.get(), bytes_of(reply));
}

}  // namespace alp::proxy
