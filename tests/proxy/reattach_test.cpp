// SPDX-License-Identifier: GPL-2.0
// Coming back to an alpined that was restarted: what it believes, and what becomes of claims.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <fstream>
#include <set>
#include <vector>

#include "proxy/client/address.h"
#include "proxy/client/claim_registry.h"
#include "proxy/client/requests.h"
#include "proxy/message_io.h"
#include "tests/proxy/stack_client.h"
#include "tests/proxy/testbed.h"

namespace alp::test {
namespace {

/// A connection by hand, so that a test can send what a Client would not.
class Hand {
public:
    explicit Hand(const Namespace& host) {
        const Inside inside(host);
        open_connection();
    }
    /// To the alpined of the calling thread's namespace.
    Hand() { open_connection(); }

    /// Answers the reply's errno.
    template <typename T>
    int ask(const T& request, int fd = -1) {
        EXPECT_TRUE(proxy::send(fd_.get(), proxy::bytes_of(request), fd).ok());
        proxy::RawReply reply;
        proxy::receive_with_fd(fd_.get(), reply.bytes.data(), reply.bytes.size(), queue, 0);
        return reply.head().error;
    }

    int attach() { return ask(proxy::make_request<alpine_attach>(ALPINE_MSG_ATTACH)); }
    int reattach(int tun) { return ask(proxy::make_request<alpine_attach>(ALPINE_MSG_REATTACH), tun); }
    int settled() { return ask(proxy::make_request<alpine_msg_header>(ALPINE_MSG_SETTLED)); }
    int claim(const alpine_endpoint& endpoint, int fd = -1) {
        auto request = proxy::make_request<alpine_claim>(ALPINE_MSG_CLAIM);
        request.endpoint = endpoint;
        return ask(request, fd);
    }

    UniqueFd queue;  ///< of the TUN

private:
    void open_connection() {
        const auto to = proxy::socket_address(ALPINE_PROXY_SOCKET).value();
        fd_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length), 0);
    }

    UniqueFd fd_;
};

alpine_endpoint udp_endpoint(const char* address, std::uint16_t port) {
    alpine_endpoint endpoint{};
    const in6_addr mapped = mapped_address(address);
    std::memcpy(endpoint.key.addr, &mapped, sizeof(mapped));
    endpoint.key.protocol = IPPROTO_UDP;
    endpoint.key.port_be = htons(port);
    return endpoint;
}

/// alpined ends in these tests.
class Reattach : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        bed = std::make_unique<Testbed>();
    }

    /// An attached connection with one claim, and then alpined is another one.
    UniqueFd stack_from_before(std::uint16_t port) {
        Hand before(bed->a());
        EXPECT_EQ(before.attach(), 0);
        const Inside inside(bed->a());
        const UniqueFd dummy = bound_socket({"0.0.0.0", port});
        EXPECT_EQ(before.claim({}, dummy.get()), 0);
        bed->end_alpined(SIGKILL);
        UniqueFd queue = std::move(before.queue);
        bed->start_alpined();
        return queue;
    }

    [[nodiscard]] bool can_bind(std::uint16_t port) const {
        const Inside inside(bed->a());
        return bound_socket({"0.0.0.0", port}).valid();
    }

    /// Is a datagram from outside seen by whoever has the queue?
    [[nodiscard]] bool is_steered(const UniqueFd& queue, std::uint16_t port) const {
        char packet[2048];
        while (read(queue.get(), packet, sizeof(packet)) > 0) {
        }
        const Inside inside(bed->b());
        const UniqueFd peer = bound_socket({address_b4, 0});
        send_datagram(peer.get(), {address_a4, port}, "hello");
        return within_a_second([&] { return read(queue.get(), packet, sizeof(packet)) > 0; });
    }

    std::unique_ptr<Testbed> bed;
};

TEST_F(Reattach, AStackThatIsNotYetBackIsSteeredAndItsPortsAreTaken) {
    const UniqueFd queue = stack_from_before(5001);
    EXPECT_TRUE(is_steered(queue, 5001));
    // The client's socket was in the way at first; the audit is once a second.
    EXPECT_TRUE(within_a_second([&] { return !can_bind(5001); }) || within_a_second([&] { return !can_bind(5001); }));
}

TEST_F(Reattach, WhoeverHasTheQueueGetsTheStackBack) {
    const UniqueFd queue = stack_from_before(5002);
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(queue.get()), 0);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 5002)), 0);
    EXPECT_EQ(back.settled(), 0);
    EXPECT_TRUE(is_steered(queue, 5002));
    EXPECT_FALSE(can_bind(5002));
}

TEST_F(Reattach, WhatIsNotClaimedAgainEndsWithSettled) {
    const UniqueFd queue = stack_from_before(5003);
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(queue.get()), 0);
    EXPECT_EQ(back.settled(), 0);
    EXPECT_FALSE(is_steered(queue, 5003));
    EXPECT_TRUE(can_bind(5003));
}

TEST_F(Reattach, NothingElseCanBeClaimedWithoutASocket) {
    const UniqueFd queue = stack_from_before(5004);
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(queue.get()), 0);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 5005)), EPROTONOSUPPORT);
    EXPECT_EQ(back.settled(), 0);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 5004)), EPROTONOSUPPORT);
}

TEST_F(Reattach, ASocketOfAnotherEndpointHoldsNothing) {
    const UniqueFd queue = stack_from_before(5006);
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(queue.get()), 0);
    const Inside inside(bed->a());
    const UniqueFd other = bound_socket({"0.0.0.0", 5007});
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 5006), other.get()), EINVAL);
}

TEST_F(Reattach, AQueueOfAnotherUserIsRefused) {
    const UniqueFd queue = stack_from_before(5008);
    Child thief([&] {
        bed->a().enter();
        if (setuid(65534) != 0) {
            return 2;
        }
        Hand back;
        return back.reattach(queue.get()) == EPERM ? 0 : 3;
    });
    int status = 0;
    waitpid(thief.pid(), &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Reattach, AFileIsNoQueue) {
    Hand back(bed->a());
    const UniqueFd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(back.reattach(file.get()), EBADF);
    const UniqueFd unattached(open("/dev/net/tun", O_RDWR | O_CLOEXEC));
    EXPECT_EQ(back.reattach(unattached.get()), EBADF);
    EXPECT_EQ(back.reattach(-1), EINVAL);
}

constexpr uid_t nobody = 65534;

/// For SO_PEERCRED, and as the owner of sockets.
class AsNobody {
public:
    AsNobody() { EXPECT_EQ(seteuid(nobody), 0); }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;
    ~AsNobody() { EXPECT_EQ(seteuid(0), 0); }
};

/// Two stacks of one user that share a port of UDP, both families', by SO_REUSEPORT, and then alpined is another one.
class ReattachShared : public Reattach {
protected:
    static constexpr std::uint16_t port = 5010;

    void SetUp() override {
        Reattach::SetUp();
        if (bed == nullptr) {
            return;
        }
        Hand one = sharer();
        Hand two = sharer();
        bed->end_alpined(SIGKILL);
        queues.push_back(std::move(one.queue));
        queues.push_back(std::move(two.queue));
        bed->start_alpined();
    }

    /// A stack on the port. The socket that proves it is alpined's alone afterwards.
    Hand sharer() {
        const Inside inside(bed->a());
        const AsNobody nobody;
        Hand made;
        EXPECT_EQ(made.attach(), 0);
        const UniqueFd dummy = bound_socket({"::", port}, SOCK_DGRAM, true);
        EXPECT_EQ(made.claim({}, dummy.get()), 0);
        return made;
    }

    /// Comes back and names its claim without a socket.
    Hand come_back(const UniqueFd& queue) {
        const Inside inside(bed->a());
        const AsNobody nobody;
        Hand back;
        EXPECT_EQ(back.reattach(queue.get()), 0);
        alpine_endpoint endpoint = udp_endpoint("::", port);
        endpoint.flags = ALPINE_ENDPOINT_DUAL;
        EXPECT_EQ(back.claim(endpoint), 0);
        EXPECT_EQ(back.settled(), 0);
        return back;
    }

    /// From as many ports of a peer, one datagram each.
    void send_flows(std::uint16_t count) const {
        const Inside inside(bed->b());
        for (std::uint16_t i = 0; i < count; ++i) {
            const UniqueFd peer = bound_socket({address_b4, static_cast<std::uint16_t>(6000 + i)});
            send_datagram(peer.get(), {address_a4, port}, "hello");
        }
    }

    /// The ports of the peer whose datagrams came to a queue.
    static std::set<std::uint16_t> flows_at(const UniqueFd& queue) {
        constexpr ssize_t udp_length = 8 + 5;  // with "hello"
        unsigned char packet[2048];
        std::set<std::uint16_t> flows;
        for (ssize_t length = 0; (length = read(queue.get(), packet, sizeof(packet))) > udp_length;) {
            const unsigned char* udp = packet + length - udp_length;
            flows.insert(static_cast<std::uint16_t>(udp[0] << 8 | udp[1]));
        }
        return flows;
    }

    [[nodiscard]] bool nobody_can_bind(bool reuse_port) const {
        const Inside inside(bed->a());
        const AsNobody nobody;
        return bound_socket({"0.0.0.0", port}, SOCK_DGRAM, reuse_port).valid();
    }

    std::vector<UniqueFd> queues;
};

TEST_F(ReattachShared, FlowsAreSpreadAsBefore) {
    send_flows(64);
    EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return !flows_at(queues[0]).empty(); }));
    EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return !flows_at(queues[1]).empty(); }));
}

TEST_F(ReattachShared, ThePortIsHeldAsItWasShared) {
    EXPECT_FALSE(nobody_can_bind(false));
    EXPECT_TRUE(nobody_can_bind(true));
    const Hand one = come_back(queues[0]);
    const Hand two = come_back(queues[1]);
    EXPECT_FALSE(nobody_can_bind(false));
    EXPECT_TRUE(nobody_can_bind(true));
}

TEST_F(ReattachShared, AnotherStackOfTheUserJoinsAfterwards) {
    const Hand one = come_back(queues[0]);
    const Hand two = come_back(queues[1]);
    const Hand three = sharer();
    send_flows(64);
    EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return !flows_at(three.queue).empty(); }));
    EXPECT_TRUE(within(std::chrono::seconds(5), [&] { return !flows_at(queues[0]).empty(); }));
}

TEST_F(ReattachShared, WhoeverDoesNotComeBackLeavesItToTheOther) {
    const Hand one = come_back(queues[0]);
    {
        const Inside inside(bed->a());
        const AsNobody nobody;
        Hand two;
        EXPECT_EQ(two.reattach(queues[1].get()), 0);
        EXPECT_EQ(two.settled(), 0);
    }
    send_flows(16);
    std::set<std::uint16_t> seen;
    EXPECT_TRUE(within(std::chrono::seconds(5), [&] {
        seen.merge(flows_at(queues[0]));
        return seen.size() == 16;
    })) << seen.size();
}

UniqueFd make_tun(const char* name) {
    UniqueFd tun(open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK));
    ifreq request{};
    std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    request.ifr_flags = IFF_TUN | IFF_NO_PI;
    EXPECT_EQ(ioctl(tun.get(), TUNSETIFF, &request), 0);
    return tun;
}

TEST_F(Reattach, ADeviceThatAlpinedDidNotMakeIsRefused) {
    const Inside inside(bed->a());
    const UniqueFd tun = make_tun("alp77");
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(tun.get()), ENOENT);
}

TEST_F(Reattach, ADeviceOfAnotherNamespaceIsRefusedWhateverItsName) {
    const UniqueFd queue = stack_from_before(5009);
    const Inside inside(bed->b());
    const UniqueFd twin = make_tun("alp0");
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(twin.get()), EXDEV);
}

TEST_F(Reattach, AStackMovesToTheConnectionThatShowsItsQueueLast) {
    Hand first(bed->a());
    ASSERT_EQ(first.attach(), 0);
    {
        Hand second(bed->a());
        EXPECT_EQ(second.reattach(first.queue.get()), 0);
        EXPECT_EQ(first.settled(), ENOTCONN);
    }
    // It went with the second's end.
    EXPECT_TRUE(within_a_second([&] { return bed->tun_count() == 0; }));
}

TEST_F(Reattach, ADeadStackIsGoneOnceTheNextAlpinedIsThere) {
    {
        const StackClient client(bed->a());
        bed->end_alpined(SIGKILL);
    }
    bed->start_alpined();
    EXPECT_EQ(bed->tun_count(), 0);
    proxy::Client client;
    const Inside inside(bed->a());
    ASSERT_TRUE(client.connect(ALPINE_PROXY_SOCKET).ok());
    EXPECT_EQ(client.status().value().stacks, 0U);
}

TEST_F(Reattach, AStackLivesAsLongAsAnyProcessHasItsQueue) {
    std::array<int, 2> pair{};
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair.data()), 0);
    const UniqueFd ours(pair[0]);
    const UniqueFd theirs(pair[1]);
    Child first([&] {
        bed->a().enter();
        Hand made;
        const UniqueFd dummy = bound_socket({"0.0.0.0", 5011});
        if (made.attach() != 0 || made.claim({}, dummy.get()) != 0 ||
            !proxy::send(theirs.get(), proxy::bytes_of('q'), made.queue.get()).ok()) {
            return 2;
        }
        pause();
        return 3;
    });
    char byte = 0;
    UniqueFd queue;
    ASSERT_EQ(proxy::receive_with_fd(ours.get(), &byte, sizeof(byte), queue, 0), 1);
    bed->end_alpined(SIGKILL);
    first.end(SIGKILL);
    bed->start_alpined();
    fcntl(queue.get(), F_SETFL, O_NONBLOCK);
    EXPECT_TRUE(is_steered(queue, 5011));
    Hand back(bed->a());
    EXPECT_EQ(back.reattach(queue.get()), 0);
}

/// A device that stays when its queue is closed.
UniqueFd persistent_queue(UniqueFd queue) {
    EXPECT_EQ(ioctl(queue.get(), TUNSETPERSIST, 1), 0);
    return queue;
}

TEST_F(Reattach, APersistentDeviceWhoseQueueNobodyHasIsNoStackToTheNextAlpined) {
    {
        Hand before(bed->a());
        ASSERT_EQ(before.attach(), 0);
        const UniqueFd queue = persistent_queue(std::move(before.queue));
        bed->end_alpined(SIGKILL);
    }
    EXPECT_EQ(bed->tun_count(), 1);
    bed->start_alpined();
    EXPECT_EQ(bed->tun_count(), 0);
}

TEST_F(Reattach, APersistentDeviceGoesWithTheLastHolderOfItsQueue) {
    UniqueFd queue = persistent_queue(stack_from_before(5012));
    EXPECT_EQ(bed->tun_count(), 1);
    queue.reset();
    // The kernel tells of a carrier that is lost within a second, and the audit is once a second.
    const auto gone = [&] { return bed->tun_count() == 0; };
    EXPECT_TRUE(within_a_second(gone) || within_a_second(gone) || within_a_second(gone));
    EXPECT_TRUE(can_bind(5012));
}

/// A user of whom alpined's policy allows two ephemeral ports, before SETTLED.
class ReattachQuota : public Reattach {
protected:
    /// Ports of a stack from before, in the range that is ephemeral for the alpined after it.
    UniqueFd stack_with(const std::vector<std::uint16_t>& ports) {
        const Inside inside(bed->a());
        Hand before = [] {
            const AsNobody nobody;
            return Hand();
        }();
        EXPECT_EQ(before.attach(), 0);
        for (const std::uint16_t port : ports) {
            const UniqueFd dummy = bound_socket({"0.0.0.0", port});
            EXPECT_EQ(before.claim({}, dummy.get()), 0);
        }
        bed->end_alpined(SIGKILL);
        std::ofstream("/proc/sys/net/ipv4/ip_local_port_range") << "40000 40003";
        UniqueFd queue = std::move(before.queue);
        bed->start_alpined();
        return queue;
    }

    /// The connection that shows the queue.
    Hand come_back(const UniqueFd& queue) {
        const Inside inside(bed->a());
        const AsNobody nobody;
        Hand back;
        EXPECT_EQ(back.reattach(queue.get()), 0);
        return back;
    }

    int claim_new(Hand& client, std::uint16_t port) {
        const Inside inside(bed->a());
        const UniqueFd dummy = bound_socket({"0.0.0.0", port});
        return client.claim({}, dummy.get());
    }
};

TEST_F(ReattachQuota, WhatTheStackHadIsGrantedBeyondIt) {
    const UniqueFd queue = stack_with({40001, 40002, 40003});
    Hand back = come_back(queue);
    for (const std::uint16_t port : {40001, 40002, 40003}) {
        EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", port)), 0);
    }
    EXPECT_EQ(back.settled(), 0);
    EXPECT_TRUE(is_steered(queue, 40003));
}

TEST_F(ReattachQuota, WhatIsNewIsBoundByIt) {
    const UniqueFd queue = stack_with({40001});
    Hand back = come_back(queue);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 40001)), 0);
    EXPECT_EQ(claim_new(back, 40002), 0);
    EXPECT_EQ(claim_new(back, 40003), ENOBUFS);
}

TEST_F(ReattachQuota, WhatTheStackHadIsGrantedBeyondItOnce) {
    const UniqueFd queue = stack_with({40001, 40002});
    Hand back = come_back(queue);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 40001)), 0);
    EXPECT_EQ(back.claim(udp_endpoint("0.0.0.0", 40001)), ENOBUFS);
}

TEST(ClaimRegistry, ManyEndpointsAreFoundAgainAndCounted) {
    proxy::ClaimRegistry registry;
    constexpr std::uint16_t many = 10'000;
    for (std::uint16_t port = 1; port <= many; ++port) {
        ASSERT_TRUE(registry.add(udp_endpoint("0.0.0.0", port), port));
        ASSERT_TRUE(registry.add(udp_endpoint("0.0.0.0", port), port));
        registry.remove(udp_endpoint("0.0.0.0", port));
        if (port % 2 == 0) {
            registry.remove(udp_endpoint("0.0.0.0", port));
        }
    }
    unsigned left = 0;
    registry.for_each([&](const proxy::RegisteredClaim& claim) {
        EXPECT_EQ(claim.count, 1U);
        EXPECT_EQ(claim.socket, ntohs(claim.endpoint.key.port_be));
        ++left;
    });
    EXPECT_EQ(left, many / 2);
}

TEST(ClaimRegistry, PlacesGivenUpAreUsedAgain) {
    proxy::ClaimRegistry registry;
    for (unsigned round = 0; round < 100'000; ++round) {
        const auto endpoint = udp_endpoint("0.0.0.0", static_cast<std::uint16_t>(round));
        ASSERT_TRUE(registry.add(endpoint, -1));
        registry.remove(endpoint);
    }
    registry.for_each([](const proxy::RegisteredClaim&) { ADD_FAILURE(); });
}

}  // namespace
}  // namespace alp::test
