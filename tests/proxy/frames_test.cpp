// SPDX-License-Identifier: GPL-2.0
// What BPF_PROG_TEST_RUN cannot show, on a wire between two hosts: tagged frames, whose tag the kernel keeps beside the
// packet, and packets of a stack whose checksum is left to the host, which writes it after steering has looked.
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>

#include "tests/proxy/stack_client.h"
#include "tests/proxy/with_testbed.h"

namespace alp::test {
namespace {

constexpr std::uint16_t udp_header = 20;  // behind an IPv4 header without options
constexpr std::uint16_t udp_checksum = 6;

class Frames : public WithTestbed {
protected:
    void SetUp() override {
        WithTestbed::SetUp();
        if (IsSkipped()) {
            return;
        }
        stack = std::make_unique<StackClient>(testbed->a());
        port = stack->claim({"0.0.0.0", 0});
        // A device that sums up nothing, as some real ones: the host does it in software, on the way out.
        run(testbed->a().exec() + "ethtool -K veth0 tx off >/dev/null");
    }
    void TearDown() override { stack.reset(); }

    static UniqueFd server_on_b() {
        const Inside inside(testbed->b());
        return bound_socket({address_b4, 0});
    }

    [[nodiscard]] Bytes packet_to(const UniqueFd& server) const {
        return udp_packet({address_a4, port}, {address_b4, port_of(server.get())}, "to be summed");
    }

    /// The packet with this request is dropped and counted as malformed, and nothing of it arrives.
    void expect_refused(const Bytes& packet, const UniqueFd& server, std::uint16_t start, std::uint16_t offset) {
        const auto before = stack->counters().drops[ALPINE_DROP_MALFORMED];
        const bool sent = stack->send_unsummed(packet, start, offset);
        const auto seen = receive_datagram(server.get(), 50);
        EXPECT_FALSE(seen.has_value()) << "from " << seen->from.address << ":" << seen->from.port;
        EXPECT_EQ(stack->counters().drops[ALPINE_DROP_MALFORMED], before + (sent ? 1 : 0));
    }

    std::unique_ptr<StackClient> stack;
    std::uint16_t port = 0;
};

TEST_F(Frames, AChecksumLeftToTheHostIsMade) {
    const UniqueFd server = server_on_b();
    Bytes packet = packet_to(server);
    // What the host goes on from is the sum of the pseudo header: 10.79.0.1, 10.79.0.2, protocol 17, the length.
    const auto length = packet.size() - udp_header;
    const auto sum = 2 * 0x0a4f + 1 + 2 + IPPROTO_UDP + length;
    packet[udp_header + udp_checksum] = static_cast<std::uint8_t>(sum >> 8);
    packet[udp_header + udp_checksum + 1] = static_cast<std::uint8_t>(sum);
    ASSERT_TRUE(stack->send_unsummed(packet, udp_header, udp_checksum));
    const auto seen = receive_datagram(server.get());
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->from.port, port);
}

// The sum is the sender's to choose: what it is laid over, the sender writes.
TEST_F(Frames, AChecksumIsNotLaidOverTheSourcePort) {
    const UniqueFd server = server_on_b();
    Bytes packet = packet_to(server);
    packet[udp_header + udp_checksum] = packet[udp_header + udp_checksum + 1] = 0;  // none: so any port would pass
    expect_refused(packet, server, udp_header, 0);
}

TEST_F(Frames, AChecksumIsNotLaidOverAnythingBeforeTheTransport) {
    const UniqueFd server = server_on_b();
    const Bytes packet = packet_to(server);
    for (std::uint16_t at = 0; at < udp_header + 4; ++at) {
        SCOPED_TRACE(at);
        expect_refused(packet, server, at, 0);
        expect_refused(packet, server, 0, at);
    }
}

TEST_F(Frames, AChecksumIsNotMadeForPiecesAndErrors) {
    const UniqueFd server = server_on_b();
    const Bytes datagram = udp_datagram({address_a4, port}, {address_b4, port_of(server.get())}, std::string(64, 'x'));
    expect_refused(ip_packet(address_a4, address_b4, IPPROTO_UDP, datagram, 0x2000), server, udp_header, udp_checksum);
    const Bytes quoted = udp_packet({address_b4, 9}, {address_a4, port}, "x");
    expect_refused(ip_packet(address_a4, address_b4, IPPROTO_ICMP, icmp_error(3, 3, quoted)), server, udp_header, 2);
}

/// Sends an Ethernet frame from host b to host a, by the link address that a's device has; `tag` stands behind it.
void send_frame(const Namespace& a, const Namespace& b, const Bytes& tag, const Bytes& ip) {
    ifreq request{};
    std::strncpy(request.ifr_name, "veth0", IFNAMSIZ - 1);
    {
        const Inside inside(a);
        const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
        ASSERT_EQ(ioctl(any.get(), SIOCGIFHWADDR, &request), 0);
    }
    const Inside inside(b);
    const Bytes addresses = Bytes(request.ifr_hwaddr.sa_data, request.ifr_hwaddr.sa_data + 6) + Bytes(6);
    const Bytes frame = addresses + tag + ethernet(ip, 12);
    const UniqueFd wire(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_ifindex = static_cast<int>(if_nametoindex("veth0"));
    ASSERT_EQ(sendto(wire.get(), frame.data(), frame.size(), 0, reinterpret_cast<const sockaddr*>(&to), sizeof(to)),
              static_cast<ssize_t>(frame.size()));
}

// The host's VLAN device, if it has one for the tag, sees the packet again, and steering there.
TEST_F(Frames, ATaggedFrameIsNotSteeredByTheDeviceItCameIn) {
    const Bytes packet = udp_packet({address_b4, 9}, {address_a4, port}, "framed");
    send_frame(testbed->a(), testbed->b(), {}, packet);
    const auto seen = stack->receive();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->payload, "framed");
    send_frame(testbed->a(), testbed->b(), {0x81, 0x00, 0x00, 0x2a}, packet);
    EXPECT_FALSE(stack->receive(100).has_value());
}

}  // namespace
}  // namespace alp::test
