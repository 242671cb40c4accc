// SPDX-License-Identifier: GPL-2.0
#include "proxy/classic/wire.h"

#include <fmt/core.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "proxy/classic/checksum.h"
#include "proxy/classic/filter.h"
#include "proxy/classic/program.h"
#include "proxy/log.h"
#include "proxy/privileged/tun.h"

namespace alp::proxy::classic {
namespace {

// Lines are numbered where no device's ifindex will be.
constexpr unsigned first_line = 0x40000000;
constexpr std::size_t packet_bytes = 40 + 65535; /* the largest IPv6 packet: lo carries 65536 bytes */
// Packets of one line, or of the capture, before others have their turn.
constexpr int packets_per_turn = 64;
// What may wait in a socket pair for its reader: some 60 packets of the largest kind.
constexpr int queue_bytes = 4 << 20;

alpine_wire_counters* counters_of(unsigned ifindex) {
    return static_cast<alpine_wire_counters*>(user_map_lookup(classic_map(CLASSIC_WIRE_COUNTERS), &ifindex));
}

void count_drop(unsigned ifindex, alpine_drop reason) {
    if (auto* counters = counters_of(ifindex); counters != nullptr) {
        ++counters->drops[reason];
    }
}

/// Why a raw socket refused a packet, in the words of the counters.
alpine_drop reason_of(int code) {
    switch (code) {
        case EAGAIN:
        case ENOBUFS:
        case ENOMEM:
            return ALPINE_DROP_NO_MEMORY;
        case EMSGSIZE:
            return ALPINE_DROP_MALFORMED;
        default:
            return ALPINE_DROP_NO_ROUTE;
    }
}

/// Where the checksum ends that cut() will write; 0: none. Those of pieces are where their protocol has them.
std::uint32_t checksum_end(const VnetHeader& wish) {
    const bool one = wish.gso_type == VnetHeader::gso_none && (wish.flags & VnetHeader::needs_csum) != 0;
    return one ? wish.csum_start + wish.csum_offset + std::uint32_t{2} : 0;
}

void widen(int socket) {
    const int bytes = queue_bytes;
    if (setsockopt(socket, SOL_SOCKET, SO_SNDBUFFORCE, &bytes, sizeof(bytes)) != 0) {
        setsockopt(socket, SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    }
}

/// Without what the link added to fill its shortest frame. Empty: not whole.
std::span<const std::uint8_t> without_padding(std::span<const std::uint8_t> bytes) {
    if (!locate(bytes)) {
        return {};
    }
    const bool v6 = bytes[0] >> 4 == 6;
    const std::size_t field = v6 ? 4 : 2;
    const std::size_t length = (bytes[field] << 8 | bytes[field + 1]) + (v6 ? std::size_t{40} : 0);
    return length <= bytes.size() ? bytes.first(length) : std::span<const std::uint8_t>();
}

alpine_address key_of(const in6_addr& address) {
    alpine_address key{};
    std::memcpy(key.addr, &address, sizeof(key.addr));
    return key;
}

}  // namespace

/// The client's end.
class Wire::End final : public Line {
public:
    End(Wire& wire, UniqueFd client, unsigned ifindex)
        : wire_(wire),
          client_(std::move(client)),
          ifindex_(ifindex),
          name_(fmt::format("classic{}", ifindex - first_line)) {}
    End(const End&) = delete;
    End& operator=(const End&) = delete;
    ~End() override { wire_.detach(ifindex_); }

    [[nodiscard]] int client_end() const override { return client_.get(); }
    [[nodiscard]] int far_end() const override { return wire_.lines_.at(ifindex_).get(); }
    [[nodiscard]] unsigned ifindex() const override { return ifindex_; }
    [[nodiscard]] const std::string& ifname() const override { return name_; }
    [[nodiscard]] alpine_wire wire() const override { return ALPINE_WIRE_CLASSIC; }
    void flush() override { wire_.flush(ifindex_); }

private:
    Wire& wire_;
    UniqueFd client_;
    unsigned ifindex_;
    std::string name_;
};

bool Wire::is_line(unsigned ifindex) { return ifindex >= first_line; }

Wire::Wire(EventLoop& loop, const HostMonitor& host)
    : loop_(loop), host_(host), next_line_(first_line), buffer_(sizeof(VnetHeader) + packet_bytes) {
    for (int which = 0; which < CLASSIC_MAPS; ++which) {
        user_map_clear(classic_map(static_cast<enum classic_map>(which)));  // of a wire before this one
    }
    Hiding::clear();
}

Wire::~Wire() { stop(); }

// --- Starting and stopping ---

Result<void> Wire::start() {
    auto sender = RawSender::open();
    if (!sender) {
        return sender.error();
    }
    auto capture = Capture::open();
    if (!capture) {
        return capture.error();
    }
    auto hiding = Hiding::make();
    if (!hiding) {
        return hiding.error();
    }
    machine_ = std::make_unique<Machine>(
        Machine{std::move(sender).value(), std::move(capture).value(), std::move(hiding).value(), ""});
    return loop_.add(machine_->capture.fd(), [this] {
        machine_->capture.read(packets_per_turn,
                               [this](unsigned ifindex, unsigned pkt_type, std::span<const std::uint8_t> bytes) {
                                   from_device(ifindex, pkt_type, bytes);
                               });
    });
}

void Wire::stop() {
    if (machine_ != nullptr) {
        loop_.remove(machine_->capture.fd());
        machine_.reset();
    }
}

Result<void> Wire::check() {
    auto started = start();
    stop();
    return started;
}

Result<std::unique_ptr<Line>> Wire::attach() {
    std::array<int, 2> pair{};
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair.data()) != 0) {
        return Error{errno, "cannot make the socket pair of a line"};
    }
    UniqueFd ours(pair[0]);
    UniqueFd theirs(pair[1]);
    widen(ours.get());
    widen(theirs.get());
    return add_line(std::move(ours), std::move(theirs));
}

Result<std::unique_ptr<Line>> Wire::attach_again(UniqueFd far_end) {
    int domain = 0;
    int type = 0;
    socklen_t length = sizeof(domain);
    if (getsockopt(far_end.get(), SOL_SOCKET, SO_DOMAIN, &domain, &length) != 0 ||
        getsockopt(far_end.get(), SOL_SOCKET, SO_TYPE, &type, &length) != 0 || domain != AF_UNIX ||
        type != SOCK_SEQPACKET) {
        return Error{EBADF, "the socket is no end of a line of the classic wire"};
    }
    return add_line(std::move(far_end), UniqueFd());
}

Result<std::unique_ptr<Line>> Wire::add_line(UniqueFd ours, UniqueFd theirs) {
    if (machine_ == nullptr) {
        if (auto started = start(); !started) {
            stop();
            return started.error();
        }
    }
    const unsigned ifindex = next_line_++;
    const alpine_wire_counters zeroes{};
    if (user_map_update(classic_map(CLASSIC_WIRE_COUNTERS), &ifindex, &zeroes) != 0) {
        return Error{ENOSPC, "no room for the counters of one more stack"};
    }
    if (auto added = loop_.add(ours.get(), [this, ifindex] { read_line(ifindex); }); !added) {
        return added.error();
    }
    lines_.emplace(ifindex, std::move(ours));
    return std::unique_ptr<Line>(new End(*this, std::move(theirs), ifindex));
}

void Wire::detach(unsigned ifindex) {
    const auto line = lines_.find(ifindex);
    loop_.remove(line->second.get());
    lines_.erase(line);
    user_map_erase(classic_map(CLASSIC_WIRE_COUNTERS), &ifindex);
    if (lines_.empty()) {
        stop();
    }
}

// --- Claims ---

// Too wide a filter costs time alone; where the exact one is more than the kernel takes, all of IP goes through.
Result<void> Wire::put_filter() {
    const std::string expression = expression_for(claims_);
    if (expression == machine_->filter) {
        return {};  // another address of a port
    }
    const auto exact = compile_filter(expression);
    if (exact && machine_->capture.set_filter(exact.value())) {
        machine_->filter = expression;
        return {};
    }
    machine_->filter = "ip or ip6";
    const auto wide = compile_filter(machine_->filter);
    return wide ? machine_->capture.set_filter(wide.value()) : wide.error();
}

/// What is sent to an endpoint of a stack on this wire is let in here, and kept from the host.
Result<void> Wire::take_in(const alpine_flow_key& key) {
    if (!claims_.insert(key).second) {
        return {};
    }
    auto hidden = put_filter();
    if (hidden) {
        hidden = machine_->hiding->hide(key);
    }
    if (!hidden) {
        claims_.erase(key);
    }
    return hidden;
}

Result<void> Wire::set(const alpine_flow_key& key, const alpine_flow_owner& owner) {
    if (user_map_update(classic_map(CLASSIC_FLOWS), &key, &owner) != 0) {
        return Error{ENOSPC, "no room for one more steered endpoint"};
    }
    if (auto taken = is_line(owner.ifindex) ? take_in(key) : Result<void>(); !taken) {
        user_map_erase(classic_map(CLASSIC_FLOWS), &key);  // only what is new is taken in
        return taken;
    }
    user_map_erase(classic_map(CLASSIC_SHARES), &key);
    return {};
}

// Sharers are all on one wire (Wires::share()): an endpoint of this one has been taken in when the first came.
Result<void> Wire::share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) {
    alpine_share share{};
    if (owners.size() > std::size(share.members)) {
        return Error{ENOSPC, fmt::format("no more than {} stacks share an endpoint", std::size(share.members))};
    }
    share.count = static_cast<__u32>(owners.size());
    std::ranges::copy(owners, share.members);
    if (user_map_update(classic_map(CLASSIC_SHARES), &key, &share) != 0) {
        return Error{ENOSPC, "no room for one more shared endpoint"};
    }
    const alpine_flow_owner several{ALPINE_SHARED_FLOW, 0, 0, 0};
    if (user_map_update(classic_map(CLASSIC_FLOWS), &key, &several) != 0) {
        user_map_erase(classic_map(CLASSIC_SHARES), &key);
        return Error{ENOSPC, "no room for one more steered endpoint"};
    }
    return {};
}

std::vector<alpine_flow_owner> Wire::owners(const alpine_flow_key& key) {
    const auto* owner = static_cast<const alpine_flow_owner*>(user_map_lookup(classic_map(CLASSIC_FLOWS), &key));
    if (owner == nullptr) {
        return {};
    }
    if (owner->ifindex != ALPINE_SHARED_FLOW) {
        return {*owner};
    }
    const auto* share = static_cast<const alpine_share*>(user_map_lookup(classic_map(CLASSIC_SHARES), &key));
    return {share->members, share->members + share->count};
}

// The filter is written anew at the next bind: until then it only lets through too much.
void Wire::erase(const alpine_flow_key& key) {
    user_map_erase(classic_map(CLASSIC_FLOWS), &key);
    user_map_erase(classic_map(CLASSIC_SHARES), &key);
    if (claims_.erase(key) != 0) {
        machine_->hiding->show(key);
    }
}

Result<void> Wire::add_address(const in6_addr& address, const alpine_address_use& use) {
    const alpine_address key = key_of(address);
    if (user_map_update(classic_map(CLASSIC_LOCAL_ADDRESSES), &key, &use) != 0) {
        return Error{ENOSPC, "no room for one more local address"};
    }
    return {};
}

void Wire::remove_address(const in6_addr& address) {
    const alpine_address key = key_of(address);
    user_map_erase(classic_map(CLASSIC_LOCAL_ADDRESSES), &key);
}

// --- From stacks ---

void Wire::read_line(unsigned ifindex) {
    const int line = lines_.at(ifindex).get();
    for (int i = 0; i < packets_per_turn; ++i) {
        const ssize_t length = recv(line, buffer_.data(), buffer_.size(), MSG_DONTWAIT);
        if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
            return;
        }
        pollfd state{line, POLLIN, 0};
        if (length < 0 || (length == 0 && poll(&state, 1, 0) == 1 && (state.revents & POLLHUP) != 0)) {
            loop_.remove(line);  // every copy of the client's end is closed; its connection will tell, too
            return;
        }
        from_line(ifindex, std::span(buffer_).first(static_cast<std::size_t>(length)));
    }
}

/// Bounded: somebody else may hold the client's end and write on.
void Wire::flush(unsigned ifindex) {
    constexpr int turns = 64;
    pollfd state{lines_.at(ifindex).get(), POLLIN, 0};
    for (int i = 0; i < turns && poll(&state, 1, 0) == 1 && (state.revents & POLLIN) != 0; ++i) {
        int waiting = 0;
        if (ioctl(state.fd, FIONREAD, &waiting) != 0 || waiting == 0) {
            return;  // the end of it
        }
        read_line(ifindex);
    }
}

void Wire::from_line(unsigned ifindex, std::span<std::uint8_t> message) {
    VnetHeader wish;
    const auto packet = message.subspan(std::min(sizeof(wish), message.size()));
    std::memcpy(&wish, message.data(), message.size() - packet.size());
    copies_.clear();
    classic_packet judged{};
    judged.ip = packet.data();
    judged.len_bytes = static_cast<__u32>(packet.size());
    judged.gso_bytes = wish.gso_type != VnetHeader::gso_none ? wish.gso_size : 0U;
    judged.checksum_end = checksum_end(wish);
    judged.ifindex = ifindex;
    judged.pkt_type = PACKET_HOST;
    judged.copy = note_copy;
    judged.sink = &copies_;
    const auto verdict = classic_from_stack(&judged);
    if (verdict.action == CLASSIC_LEAVE && copies_.empty()) {
        return;
    }
    if (!cut(wish, packet, segments_)) {
        count_drop(ifindex, ALPINE_DROP_MALFORMED);
        return;
    }
    for (const Copy& copy : copies_) {
        deliver_segments(copy.to);
    }
    if (verdict.action == CLASSIC_SEND) {
        send_out(ifindex, verdict.to);
    } else if (verdict.action == CLASSIC_TO_STACK && lines_.contains(verdict.to)) {
        deliver_segments(verdict.to);
    } else if (verdict.action == CLASSIC_TO_STACK) {
        send_out(ifindex, 0);  // a stack of the other wire is reached by way of lo
    }
}

void Wire::send_out(unsigned ifindex, unsigned by_device) {
    if (auto sent = machine_->sender.send(segments_, by_device); !sent) {
        count_drop(ifindex, reason_of(sent.error().code));
    }
}

/// To a stack on this wire; one on the other cannot be given a packet from here.
void Wire::deliver_segments(unsigned ifindex) {
    if (!lines_.contains(ifindex)) {
        return;
    }
    const VnetHeader whole{VnetHeader::data_valid};
    for (const Segment& segment : segments_) {
        deliver(ifindex, whole, std::span(segment.header).first(segment.header_bytes), segment.payload);
    }
}

void Wire::note_copy(void* copies, __u32 to, const void* piece, __u32 len_bytes) {
    const auto* bytes = static_cast<const std::uint8_t*>(piece);
    auto& all = *static_cast<std::vector<Copy>*>(copies);
    all.push_back({to, bytes != nullptr ? std::vector(bytes, bytes + len_bytes) : std::vector<std::uint8_t>()});
}

// --- From devices ---

void Wire::from_device(unsigned ifindex, unsigned pkt_type, std::span<const std::uint8_t> bytes) {
    const auto packet = without_padding(bytes);
    if (packet.empty()) {
        return;
    }
    const bool from_stack = tuns_.contains(ifindex);
    const auto link = host_.links().find(ifindex);
    if (!from_stack && link != host_.links().end() && link->second.kind == "tun" && is_tun_name(link->second.ifname)) {
        return;  // of a stack whose alpined has died: nobody answers for what it sends
    }
    const std::uint16_t gso_bytes = segment_bytes(ifindex, packet);
    copies_.clear();
    classic_packet judged{};  // a checksum that is still to be written is not, here, before it is delivered
    judged.ip = packet.data();
    judged.len_bytes = static_cast<__u32>(packet.size());
    judged.gso_bytes = gso_bytes;
    judged.ifindex = ifindex;
    judged.pkt_type = pkt_type;
    judged.copy = note_copy;
    judged.sink = &copies_;
    const auto verdict = from_stack ? classic_from_stack(&judged) : classic_from_device(&judged);
    if (verdict.action == CLASSIC_TO_STACK) {
        copies_.push_back({verdict.to, {}});
    }
    std::erase_if(copies_, [this](const Copy& copy) { return !lines_.contains(copy.to); });
    if (copies_.empty()) {
        return;
    }
    const VnetHeader header = header_of(packet, gso_bytes);
    for (const Copy& copy : copies_) {
        const bool is_piece = !copy.piece.empty();
        deliver(copy.to, is_piece ? VnetHeader{} : header, is_piece ? copy.piece : packet, {});
    }
}

/// What a device would say of a packet that came in by it.
VnetHeader Wire::header_of(std::span<const std::uint8_t> packet, std::uint16_t gso_bytes) {
    const auto transport = *locate(packet);
    const auto checksum = judge(packet, transport);
    VnetHeader header;
    if (checksum == Checksum::right || checksum == Checksum::partial) {
        header.flags = VnetHeader::data_valid;
    }
    if (gso_bytes != 0 && header.flags != 0) {
        header.flags = VnetHeader::needs_csum;
        header.csum_start = static_cast<std::uint16_t>(transport.offset);
        header.csum_offset = static_cast<std::uint16_t>(*checksum_offset(IPPROTO_TCP));
        header.gso_type = packet[0] >> 4 == 4 ? VnetHeader::gso_tcp_v4 : VnetHeader::gso_tcp_v6;
        header.gso_size = gso_bytes;
    }
    return header;
}

/// Payload of the segments that a packet larger than its device's MTU was joined from; 0 if it was not.
std::uint16_t Wire::segment_bytes(unsigned ifindex, std::span<const std::uint8_t> packet) const {
    const auto link = host_.links().find(ifindex);
    const auto transport = *locate(packet);
    if (link == host_.links().end() || packet.size() <= link->second.mtu_bytes || transport.protocol != IPPROTO_TCP ||
        transport.fragment || packet.size() < transport.offset + sizeof(tcphdr)) {
        return 0;
    }
    const std::size_t headers = transport.offset + (packet[transport.offset + 12] >> 4) * std::size_t{4};
    return headers < link->second.mtu_bytes ? static_cast<std::uint16_t>(link->second.mtu_bytes - headers) : 0;
}

void Wire::deliver(unsigned ifindex, const VnetHeader& header, std::span<const std::uint8_t> first,
                   std::span<const std::uint8_t> rest) {
    VnetHeader copy = header;
    std::array<iovec, 3> parts = {iovec{&copy, sizeof(copy)},
                                  iovec{const_cast<std::uint8_t*>(first.data()), first.size()},
                                  iovec{const_cast<std::uint8_t*>(rest.data()), rest.size()}};
    msghdr message{};
    message.msg_iov = parts.data();
    message.msg_iovlen = parts.size();
    if (sendmsg(lines_.at(ifindex).get(), &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
        count_drop(ifindex, ALPINE_DROP_NO_MEMORY);
    }
}

// --- What became of them ---

std::vector<alpine_connection_key> Wire::take_connections(unsigned ifindex) {
    struct Found {
        unsigned ifindex;
        std::vector<alpine_connection_key> keys;
    } found{ifindex, {}};
    const auto visit = [](const void* bytes, void* data) {
        auto& [wanted, keys] = *static_cast<Found*>(data);
        alpine_connection_key key{};
        std::memcpy(&key, bytes, sizeof(key));
        if (key.ifindex == wanted) {
            keys.push_back(key);
        }
    };
    user_map_for_each(classic_map(CLASSIC_CONNECTIONS), visit, &found);
    for (const auto& key : found.keys) {
        user_map_erase(classic_map(CLASSIC_CONNECTIONS), &key);
    }
    return found.keys;
}

alpine_wire_counters Wire::counters(unsigned ifindex) {
    const auto* counters = counters_of(ifindex);
    return counters != nullptr ? *counters : alpine_wire_counters{};
}

std::uint64_t Wire::verdict(std::uint32_t which) {
    std::uint64_t count = 0;
    if (const void* found = user_map_lookup(classic_map(CLASSIC_VERDICTS), &which); found != nullptr) {
        std::memcpy(&count, found, sizeof(count));
    }
    return count;
}

}  // namespace alp::proxy::classic
