// SPDX-License-Identifier: GPL-2.0
// alpined's protocol: the real Service, receive() and inspect_bound_socket() on real sockets, with eBPF and TUN devices
// replaced by fake_privileged.cpp, in a network namespace of its own.
//
// An input is a program: each byte an operation, followed by its operands. Up to four clients of different users send
// anything from raw bytes to well-formed requests with wrong descriptors, let go of each other's endpoints, give back
// ports behind alpined's back, and go. After each operation the steering map is compared with what each client has
// proved by the descriptors it sent; at the end nothing may be left.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <set>
#include <vector>

#include "proxy/bound_socket.h"
#include "proxy/log.h"
#include "proxy/service.h"
#include "tests/fuzz/fake_privileged.h"
#include "tests/fuzz/sockets.h"

namespace alp::fuzz {
namespace {

constexpr std::size_t most_clients = 4;
constexpr std::array<uid_t, 4> users = {1000, 1001, 0, 1002};
constexpr uid_t denied_user = 1002;
constexpr uid_t granted_user = 1001;
constexpr std::uint8_t granted_protocol = 253;
constexpr std::uint16_t first_unprivileged_port = 1024;

/// What there is once for all inputs.
struct World {
    std::unique_ptr<proxy::Steering> steering;
    std::unique_ptr<proxy::HostMonitor> host;
    std::unique_ptr<proxy::EventLoop> loop;
    std::unique_ptr<proxy::classic::Wire> classic;
    std::unique_ptr<proxy::Wires> wires;
    proxy::Policy policy;
    std::uint64_t netns = 0;
};

/// The input, byte by byte; zeroes when it is at its end.
class Program {
public:
    Program(const std::uint8_t* data, std::size_t size) : next_(data), end_(data + size) {}

    [[nodiscard]] bool over() const { return next_ == end_; }
    std::uint8_t byte() { return over() ? 0 : *next_++; }
    unsigned below(unsigned bound) { return byte() % bound; }

    void fill(void* to, std::size_t length) {
        const std::size_t count = std::min(length, static_cast<std::size_t>(end_ - next_));
        auto* bytes = static_cast<std::uint8_t*>(to);
        std::fill_n(std::copy_n(next_, count, bytes), length - count, std::uint8_t{0});
        next_ += count;
    }

private:
    const std::uint8_t* next_;
    const std::uint8_t* end_;
};

struct Client {
    UniqueFd end;                       ///< the client's end of the connection
    proxy::Session* session = nullptr;  ///< alpined's
    uid_t uid = 0;
    unsigned ifindex = 0;  ///< of its line, 0 before ATTACH
    std::set<std::pair<int, std::uint16_t>> proved;
};

struct Request {
    std::vector<std::uint8_t> bytes;
    std::vector<Kind> descriptors;

    [[nodiscard]] alpine_msg_header header() const {
        alpine_msg_header header{};
        std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof(header)), reinterpret_cast<std::uint8_t*>(&header));
        return header;
    }
    [[nodiscard]] unsigned release_flags() const {
        alpine_release release{};
        std::copy_n(bytes.begin(), std::min(bytes.size(), sizeof(release)), reinterpret_cast<std::uint8_t*>(&release));
        return release.flags;
    }
};

class Run {
public:
    Run(World& world, Program program)
        : program_(program), service_(*world.wires, *world.host, world.policy, world.netns) {}

    void run() {
        for (int steps = 0; !program_.over() && steps < 200; ++steps) {
            step();
            check_flows();
        }
        check_refusals();
        while (!clients_.empty()) {
            close(0);
        }
        ALPINE_FUZZ_MUST(kernel().flows.empty());
        ALPINE_FUZZ_MUST(kernel().tuns.empty());
        ALPINE_FUZZ_MUST(kernel().counted.empty());
    }

private:
    void step() {
        const unsigned operation = program_.below(9);
        if (clients_.empty() || operation == 0) {
            open(users[program_.below(users.size())]);
            return;
        }
        const std::size_t which = program_.below(static_cast<unsigned>(clients_.size()));
        switch (operation) {
            case 1:
                close(which);
                break;
            case 2:
                ask(which, raw_request());
                break;
            case 3:
                ask(which, request_of(ALPINE_MSG_ATTACH, sizeof(alpine_attach)));
                break;
            case 4:
                ask(which, release_of_a_flow());
                break;
            case 5:
                sockets_.give_back_port();
                break;
            case 6:
                service_.audit();
                check_given_back();
                break;
            case 7:
                ask(which, with_descriptors(request_of(ALPINE_MSG_CLAIM, sizeof(alpine_claim))));
                break;
            default:
                ask(which, any_request());
                break;
        }
    }

    void open(uid_t uid) {
        std::array<int, 2> ends{};
        if (clients_.size() == most_clients ||
            ::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends.data()) != 0) {
            return;
        }
        Client client;
        client.end = UniqueFd(ends[0]);
        client.uid = uid;
        client.session = &service_.open(UniqueFd(ends[1]), ucred{::getpid(), uid, uid});
        clients_.push_back(std::move(client));
    }

    void close(std::size_t which) {
        service_.close(*clients_[which].session);
        clients_.erase(clients_.begin() + static_cast<std::ptrdiff_t>(which));
    }

    Request raw_request() {
        Request request;
        request.bytes.resize(program_.byte() * (program_.below(4) == 0 ? 10U : 1U));
        program_.fill(request.bytes.data(), request.bytes.size());
        return with_descriptors(std::move(request));
    }

    Request request_of(unsigned type, std::size_t length) {
        Request request;
        request.bytes.resize(length);
        program_.fill(request.bytes.data(), std::min<std::size_t>(length, 64));
        const alpine_msg_header header = {ALPINE_PROXY_MAGIC, ALPINE_PROXY_VERSION, static_cast<__u16>(type),
                                          static_cast<__u32>(length), ++sequence_};
        std::memcpy(request.bytes.data(), &header, sizeof(header));
        return request;
    }

    Request any_request() {
        constexpr std::array<std::size_t, 8> lengths = {
            sizeof(alpine_msg_header), sizeof(alpine_attach), sizeof(alpine_claim), sizeof(alpine_release),
            sizeof(alpine_list),       sizeof(alpine_lease),  ALPINE_MSG_MAX,       ALPINE_MSG_MAX + 1};
        const unsigned type = program_.byte() % 13;
        const bool bare = type == ALPINE_MSG_STATUS || type == ALPINE_MSG_SETTLED || type == ALPINE_MSG_FAR_END;
        const std::size_t fitting = type == ALPINE_MSG_LEASE       ? sizeof(alpine_lease)
                                    : type == ALPINE_MSG_REFUSALS  ? sizeof(alpine_refusals)
                                    : type == ALPINE_MSG_ACCEPTING ? sizeof(alpine_accepting)
                                    : bare                         ? sizeof(alpine_msg_header)
                                                                   : lengths[type % 5];
        const std::size_t length =
            program_.below(4) != 0 ? fitting : lengths[program_.below(static_cast<unsigned>(lengths.size()))];
        return with_descriptors(request_of(type, length));
    }

    /// Of one that somebody has, which may be another client.
    Request release_of_a_flow() {
        Request request = request_of(ALPINE_MSG_RELEASE, sizeof(alpine_release));
        alpine_release release{};
        std::memcpy(&release, request.bytes.data(), sizeof(release));
        if (!kernel().flows.empty()) {
            auto flow = kernel().flows.begin();
            std::advance(flow,
                         program_.below(static_cast<unsigned>(std::min<std::size_t>(kernel().flows.size(), 255))));
            release.endpoint.key = flow->first;
            release.endpoint.flags = program_.below(2);
        }
        std::memcpy(request.bytes.data(), &release, sizeof(release));
        return request;
    }

    Request with_descriptors(Request request) {
        constexpr std::array<unsigned, 8> counts = {0, 1, 1, 1, 1, 2, 16, 17};
        const unsigned count = counts[program_.below(counts.size())];
        for (unsigned i = 0; i < count; ++i) {
            const auto kind = static_cast<Kind>(program_.below(static_cast<unsigned>(Kind::kinds)));
            if (kind == Kind::self || sockets_.get(kind) >= 0) {
                request.descriptors.push_back(kind);
            }
        }
        return request;
    }

    void send(const Client& client, const Request& request) {
        std::vector<int> numbers;
        for (const Kind kind : request.descriptors) {
            numbers.push_back(kind == Kind::self ? client.end.get() : sockets_.get(kind));
        }
        alignas(cmsghdr) std::array<char, CMSG_SPACE(32 * sizeof(int))> control{};
        iovec part{const_cast<std::uint8_t*>(request.bytes.data()), request.bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!numbers.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(numbers.size() * sizeof(int));
            cmsghdr* rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(numbers.size() * sizeof(int));
            std::memcpy(CMSG_DATA(rights), numbers.data(), numbers.size() * sizeof(int));
        }
        ALPINE_FUZZ_MUST(::sendmsg(client.end.get(), &message, MSG_NOSIGNAL) ==
                         static_cast<ssize_t>(request.bytes.size()));
    }

    /// As Daemon::serve() does it for one message.
    bool serve(const Client& client) {
        auto message = proxy::receive(client.session->connection.get());
        return message.ok() && service_.serve(*client.session, std::move(message).value());
    }

    void ask(std::size_t which, const Request& request) {
        Client& client = clients_[which];
        send(client, request);
        const bool lives = serve(client);
        take_reply(client, request, lives);
        if (!lives) {
            close(which);
        }
    }

    void take_reply(Client& client, const Request& request, bool lives) {
        alignas(8) std::array<std::uint8_t, ALPINE_MSG_MAX> bytes{};
        alignas(cmsghdr) std::array<char, CMSG_SPACE(8 * sizeof(int))> control{};
        iovec part{bytes.data(), bytes.size()};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control.data();
        message.msg_controllen = control.size();
        const ssize_t length = ::recvmsg(client.end.get(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
        int received = -1;
        if (const cmsghdr* rights = CMSG_FIRSTHDR(&message); length > 0 && rights != nullptr) {
            ALPINE_FUZZ_MUST(rights->cmsg_len == CMSG_LEN(sizeof(int)));
            std::memcpy(&received, CMSG_DATA(rights), sizeof(received));
        }
        const UniqueFd tun(received);
        const auto header = request.header();
        const bool quiet = lives && header.type == ALPINE_MSG_RELEASE && request.descriptors.empty() &&
                           (request.release_flags() & ALPINE_RELEASE_QUIET) != 0;
        quiet_releases_ += quiet ? 1 : 0;
        ALPINE_FUZZ_MUST((length > 0) == (!quiet && !request.bytes.empty()));
        if (length > 0) {
            check_reply(client, request, bytes.data(), static_cast<std::size_t>(length), tun.valid());
        }
    }

    void check_reply(Client& client, const Request& request, const std::uint8_t* bytes, std::size_t length,
                     bool with_tun) {
        const auto header = request.header();
        alpine_reply reply{};
        ALPINE_FUZZ_MUST(length >= sizeof(reply));
        std::memcpy(&reply, bytes, sizeof(reply));
        ALPINE_FUZZ_MUST(reply.header.magic == ALPINE_PROXY_MAGIC && reply.header.version == ALPINE_PROXY_VERSION);
        ALPINE_FUZZ_MUST(reply.header.type == (header.type | ALPINE_REPLY));
        ALPINE_FUZZ_MUST(reply.header.sequence == header.sequence && reply.header.length == length);
        ALPINE_FUZZ_MUST(reply.error >= 0 && reply.error < 4096);
        ALPINE_FUZZ_MUST(std::memchr(reply.reason, '\0', sizeof(reply.reason)) != nullptr);
        ALPINE_FUZZ_MUST((reply.error != 0) == (reply.reason[0] != '\0'));
        const bool gives_wire = header.type == ALPINE_MSG_ATTACH || header.type == ALPINE_MSG_FAR_END;
        ALPINE_FUZZ_MUST(with_tun == (gives_wire && reply.error == 0));
        const bool end_of_list =
            (header.type == ALPINE_MSG_LIST || header.type == ALPINE_MSG_REFUSALS) && reply.error == ENOENT;
        refused_ += reply.error != 0 && !end_of_list ? 1 : 0;
        if (reply.error == 0 && header.type == ALPINE_MSG_FAR_END) {
            ALPINE_FUZZ_MUST(proxy::classic::Wire::is_line(client.ifindex));
        }
        if (reply.error == 0 && (header.type == ALPINE_MSG_ATTACH || header.type == ALPINE_MSG_REATTACH)) {
            ALPINE_FUZZ_MUST(client.ifindex == 0 && client.uid != denied_user);
            client.ifindex = structure<alpine_attach_reply>(bytes, length).ifindex;
        }
        if (reply.error == 0 && header.type == ALPINE_MSG_CLAIM) {
            check_claim(client, request, structure<alpine_claim_reply>(bytes, length));
        }
        if (reply.error == 0 && header.type == ALPINE_MSG_LEASE) {
            check_lease(client, structure<alpine_lease_reply>(bytes, length));
        }
        if (reply.error == 0 && header.type == ALPINE_MSG_LIST) {
            const auto uid = structure<alpine_list_reply>(bytes, length).uid;
            ALPINE_FUZZ_MUST(client.uid == 0 || client.uid == uid);
        }
        if (reply.error == 0 && header.type == ALPINE_MSG_REFUSALS) {
            const auto uid = structure<alpine_refusals_reply>(bytes, length).uid;
            ALPINE_FUZZ_MUST(client.uid == 0 || client.uid == uid);
        }
    }

    template <typename T>
    static T structure(const std::uint8_t* bytes, std::size_t length) {
        T value{};
        ALPINE_FUZZ_MUST(length == sizeof(value));
        std::memcpy(&value, bytes, sizeof(value));
        return value;
    }

    void check_claim(Client& client, const Request& request, const alpine_claim_reply& reply) {
        const alpine_flow_key& key = reply.endpoint.key;
        ALPINE_FUZZ_MUST(client.ifindex != 0);
        ALPINE_FUZZ_MUST(kernel().flows.contains(key) && kernel().flows[key].contains(client.ifindex));
        ALPINE_FUZZ_MUST(request.descriptors.size() <= 1);
        if (request.descriptors.empty()) {
            check_claim_without_socket(client, request, key);
            return;
        }
        const auto proof = sockets_.proof_of(request.descriptors.front());
        ALPINE_FUZZ_MUST(proof.has_value());
        ALPINE_FUZZ_MUST(key.protocol == proof->protocol && key.port_be == proof->port_be);
        client.proved.emplace(key.protocol, key.port_be);
    }

    /// Ports that alpined itself has bound, each new and the client's.
    static void check_lease(Client& client, const alpine_lease_reply& reply) {
        ALPINE_FUZZ_MUST(client.ifindex != 0 && reply.count > 0 && reply.count <= ALPINE_LEASE_MAX);
        alpine_flow_key key = reply.endpoint.key;
        ALPINE_FUZZ_MUST(key.protocol == IPPROTO_TCP || key.protocol == IPPROTO_UDP);
        for (unsigned i = 0; i < reply.count; ++i) {
            key.port_be = reply.ports_be[i];
            ALPINE_FUZZ_MUST(ntohs(key.port_be) >= first_unprivileged_port);
            ALPINE_FUZZ_MUST(kernel().flows.contains(key) && kernel().flows[key] == std::set{client.ifindex});
            client.proved.emplace(key.protocol, key.port_be);
        }
    }

    static void check_claim_without_socket(Client& client, const Request& request, const alpine_flow_key& key) {
        alpine_claim asked{};
        std::memcpy(&asked, request.bytes.data(), sizeof(asked));
        const bool picked = asked.endpoint.key.port_be == 0 && key.port_be != 0;
        ALPINE_FUZZ_MUST(picked || asked.endpoint.key.port_be == key.port_be);
        if (is_without_ports(key)) {
            ALPINE_FUZZ_MUST(proxy::is_wildcard(key) && key.port_be == 0);
            ALPINE_FUZZ_MUST(client.uid == 0 || (client.uid == granted_user && key.protocol == granted_protocol));
        } else if (is_echo(key)) {
            ALPINE_FUZZ_MUST(picked || client.uid == 0);
        } else {
            ALPINE_FUZZ_MUST(key.protocol == IPPROTO_SCTP || key.protocol == IPPROTO_DCCP);
            ALPINE_FUZZ_MUST(client.uid == 0 || ntohs(key.port_be) >= first_unprivileged_port);
        }
        client.proved.emplace(key.protocol, key.port_be);
    }

    static bool is_echo(const alpine_flow_key& key) {
        return key.protocol == IPPROTO_ICMP || key.protocol == IPPROTO_ICMPV6;
    }
    static bool is_without_ports(const alpine_flow_key& key) {
        return !proxy::has_ports(key.protocol) && !is_echo(key);
    }

    /// Every flow leads to clients that live, and that have proved it: one, or several of one user who said so.
    void check_flows() {
        for (const auto& [key, owners] : kernel().flows) {
            std::set<uid_t> uids;
            for (const unsigned ifindex : owners) {
                const auto owner = std::ranges::find(clients_, ifindex, &Client::ifindex);
                ALPINE_FUZZ_MUST(ifindex != 0 && owner != clients_.end());
                ALPINE_FUZZ_MUST(owner->proved.contains({key.protocol, key.port_be}));
                uids.insert(owner->uid);
            }
            ALPINE_FUZZ_MUST(owners.size() == 1 || (key.protocol == IPPROTO_TCP && uids.size() == 1));
            ALPINE_FUZZ_MUST(proxy::classic::Wire::is_line(*owners.begin()) ==
                             proxy::classic::Wire::is_line(*owners.rbegin()));
            ALPINE_FUZZ_MUST(key.pad == 0 && (key.port_be != 0) != is_without_ports(key));
        }
        std::set<unsigned> attached;
        for (const Client& client : clients_) {
            if (client.ifindex != 0) {
                attached.insert(client.ifindex);
            }
        }
        ALPINE_FUZZ_MUST(kernel().tuns == attached);
    }

    void check_given_back() {
        if (const auto port = sockets_.port_given_back()) {
            for (const auto& [key, owners] : kernel().flows) {
                ALPINE_FUZZ_MUST(key.protocol != IPPROTO_UDP || key.port_be != *port);
            }
        }
    }

    /// STATUS tells of every refusal. (A quiet release is not answered, so it may have been one.)
    void check_refusals() {
        if (clients_.size() == most_clients) {
            close(0);
        }
        open(0);
        Request request = request_of(ALPINE_MSG_STATUS, sizeof(alpine_msg_header));
        send(clients_.back(), request);
        ALPINE_FUZZ_MUST(serve(clients_.back()));
        alpine_status_reply status{};
        ALPINE_FUZZ_MUST(::recv(clients_.back().end.get(), &status, sizeof(status), MSG_DONTWAIT) == sizeof(status));
        ALPINE_FUZZ_MUST(status.refusals >= refused_ && status.refusals <= refused_ + quiet_releases_);
        ALPINE_FUZZ_MUST(status.clients == clients_.size() && status.stacks == kernel().tuns.size());
        ALPINE_FUZZ_MUST(status.endpoints == kernel().flows.size());
    }

    Program program_;
    Sockets sockets_;
    std::vector<Client> clients_;
    proxy::Service service_;
    std::uint32_t sequence_ = 0;
    std::uint64_t refused_ = 0;
    std::uint64_t quiet_releases_ = 0;
};

[[noreturn]] void fail(const char* what) {
    std::perror(what);
    std::exit(1);
}

/// The fuzzer's sockets are bound where nobody else's are.
void enter_own_network() {
    if (::unshare(::geteuid() == 0 ? CLONE_NEWNET : CLONE_NEWUSER | CLONE_NEWNET) != 0) {
        fail("unshare (a network namespace of its own)");
    }
}

proxy::Policy make_policy() {
    std::array<char, 32> path{"/tmp/alpine-fuzz-XXXXXX"};
    const UniqueFd file(::mkstemp(path.data()));
    const std::string text = "[users]\ndeny = [" + std::to_string(denied_user) + "]\n[protocols]\n" +
                             std::to_string(granted_protocol) + " = [" + std::to_string(granted_user) + "]\n";
    if (::write(file.get(), text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        fail("policy file");
    }
    auto policy = proxy::Policy::load(path.data());
    ::unlink(path.data());
    ALPINE_FUZZ_MUST(policy.ok());
    return policy.value();
}

World make_world() {
    enter_own_network();
    proxy::set_log_level(proxy::LogLevel::error);
    auto steering = proxy::Steering::load();
    auto host = proxy::HostMonitor::make();
    const UniqueFd any(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    const auto netns = proxy::netns_cookie(any.get());
    auto loop = proxy::EventLoop::make();
    ALPINE_FUZZ_MUST(steering.ok() && host.ok() && netns.ok() && loop.ok());
    World world;
    world.steering = std::move(steering).value();
    world.host = std::make_unique<proxy::HostMonitor>(std::move(host).value());
    world.loop = std::make_unique<proxy::EventLoop>(std::move(loop).value());
    world.classic = std::make_unique<proxy::classic::Wire>(*world.loop, *world.host);
    world.wires = std::make_unique<proxy::Wires>(world.steering.get(), world.classic.get(), ALPINE_WIRE_STEER);
    world.policy = make_policy();
    world.netns = netns.value();
    return world;
}

}  // namespace
}  // namespace alp::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static alp::fuzz::World world = alp::fuzz::make_world();
    alp::fuzz::kernel() = {};
    const int lowest_free = ::dup(0);
    ::close(lowest_free);
    alp::fuzz::Run(world, {data, size}).run();
    const int lowest_after = ::dup(0);
    ::close(lowest_after);
    ALPINE_FUZZ_MUST(lowest_after == lowest_free);  // no descriptor is left, whoever brought it
    return 0;
}
