// SPDX-License-Identifier: GPL-2.0
// The classic wire: as the first Alpine had it, raw sockets out, libpcap in, and a firewall between the host's stack
// and what it may not see. For hosts without tc eBPF, for places without root (lab/rootless.sh), and as the yardstick.
//
// Theory of operation
//
//   stack <--- socket pair ---> alpined ---> raw socket ---> host's routes
//                                  ^
//                                  +------- libpcap on all devices <--- host's devices, lo
//                                           filter: ports of stacks        |
//                                                                          +--> nftables: ports of stacks, drop
//                                                                               else the host's stack
//
// Every packet passes through alpined, on the thread of its event loop. Whose it is the steering programs say, compiled
// for user space (program.h): the rules are those of the other wire, word for word. What a device does for a stack
// there is done here: checksums completed and segments cut on the way out (segments.h), and on the way in, where
// libpcap does not tell what the kernel knows of a packet, checksums recognised as whole or as left to a device
// (checksum.h) and TCP packets larger than their device's MTU taken as joined from segments of that size.
//
// Raw sockets, capture and table are there while a stack uses the wire, and only then.
//
// Beside the steer wire: its claims are known here, too, so that its packets to a stack on this wire, seen by libpcap
// before the program on their TUN has judged them, are judged.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "abi/steering.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/claim_table.h"
#include "proxy/classic/segments.h"
#include "proxy/event_loop.h"
#include "proxy/host_monitor.h"
#include "proxy/line.h"
#include "proxy/privileged/capture.h"
#include "proxy/privileged/hiding.h"
#include "proxy/privileged/raw_sender.h"

namespace alp::proxy::classic {

/// One in a process: the programs' maps are the process's.
class Wire final : public FlowMap {
public:
    /// Both must outlive the wire. Touches the host only to clear what an alpined that died may have left.
    Wire(EventLoop& loop, const HostMonitor& host);
    Wire(const Wire&) = delete;
    Wire& operator=(const Wire&) = delete;
    ~Wire() override;

    /// Can it be used here? The error names the remedy.
    Result<void> check();

    /// A line for one more stack. The line must not outlive the wire.
    Result<std::unique_ptr<Line>> attach();

    /// The same on a socket pair that an alpined before this one has made; `far_end` was its end of it. A client may
    /// pass whatever it likes: it is believed no more than what comes out of it. EBADF: no socket of this kind.
    Result<std::unique_ptr<Line>> attach_again(UniqueFd far_end);

    /// Claims of stacks on any wire. On an error everything is as it was.
    Result<void> set(const alpine_flow_key& key, const alpine_flow_owner& owner) override;
    Result<void> share(const alpine_flow_key& key, const std::vector<alpine_flow_owner>& owners) override;
    void erase(const alpine_flow_key& key) override;
    /// Whose it is, in the order of their coming.
    [[nodiscard]] static std::vector<alpine_flow_owner> owners(const alpine_flow_key& key);

    /// See Steering.
    Result<void> add_address(const in6_addr& address, const alpine_address_use& use);
    void remove_address(const in6_addr& address);

    /// TUNs of the steer wire.
    void add_tun(unsigned ifindex) { tuns_.insert(ifindex); }
    void remove_tun(unsigned ifindex) { tuns_.erase(ifindex); }

    /// See Steering.
    std::vector<alpine_connection_key> take_connections(unsigned ifindex);
    [[nodiscard]] static alpine_wire_counters counters(unsigned ifindex);
    [[nodiscard]] static std::uint64_t verdict(std::uint32_t which);

    /// Is this the number of a line of this wire?
    [[nodiscard]] static bool is_line(unsigned ifindex);

private:
    class End;

    /// For a stack, beside the verdict on a packet (program.h).
    struct Copy {
        unsigned to;
        std::vector<std::uint8_t> piece;  ///< empty: the packet itself
    };
    static void note_copy(void* copies, __u32 to, const void* piece, __u32 len_bytes);

    /// The machinery, while there are stacks.
    struct Machine {
        RawSender sender;
        Capture capture;
        std::unique_ptr<Hiding> hiding;
        std::string filter;  ///< the expression of the one in place
    };

    Result<void> start();
    Result<std::unique_ptr<Line>> add_line(UniqueFd ours, UniqueFd theirs);
    void stop();
    Result<void> put_filter();
    Result<void> take_in(const alpine_flow_key& key);
    void detach(unsigned ifindex);

    void read_line(unsigned ifindex);
    void flush(unsigned ifindex);
    void from_line(unsigned ifindex, std::span<std::uint8_t> message);
    void send_out(unsigned ifindex, unsigned by_device);
    void deliver_segments(unsigned ifindex);
    void from_device(unsigned ifindex, unsigned pkt_type, std::span<const std::uint8_t> bytes);
    [[nodiscard]] static VnetHeader header_of(std::span<const std::uint8_t> packet, std::uint16_t gso_bytes);
    [[nodiscard]] std::uint16_t segment_bytes(unsigned ifindex, std::span<const std::uint8_t> packet) const;
    void deliver(unsigned ifindex, const VnetHeader& header, std::span<const std::uint8_t> first,
                 std::span<const std::uint8_t> rest);

    EventLoop& loop_;
    const HostMonitor& host_;
    std::unique_ptr<Machine> machine_;
    std::map<unsigned, UniqueFd> lines_;         // our ends, by the lines' numbers
    std::set<alpine_flow_key, KeyLess> claims_;  // of the stacks on this wire
    std::set<unsigned> tuns_;
    unsigned next_line_ = 0;
    std::vector<std::uint8_t> buffer_;
    std::vector<Segment> segments_;
    std::vector<Copy> copies_;
};

}  // namespace alp::proxy::classic
