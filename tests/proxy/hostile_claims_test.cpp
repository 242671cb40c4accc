// SPDX-License-Identifier: GPL-2.0
// An unprivileged user makes 1,000 forged requests of 20 kinds to alpined. None is granted, each is counted as a
// refusal and answered by the errno that says why, and another user's claims stay as they were.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "proxy/client/address.h"
#include "tests/proxy/hostile.h"
#include "tests/proxy/stack_client.h"

namespace alp::test {
namespace {

constexpr std::uint16_t victims_sctp_port = 5000;

/// What the attacker has come by: inherited, as a service started by root or by another user would.
struct Loot {
    int accepted;         ///< a connection to a listener of root's on a privileged port
    int other_namespace;  ///< a socket bound on host b
    alpine_flow_key victims;
};

template <typename T>
T request(unsigned type) {
    T message{};
    const alpine_msg_header header = {ALPINE_PROXY_MAGIC, ALPINE_PROXY_VERSION, static_cast<__u16>(type), sizeof(T), 1};
    std::memcpy(&message, &header, sizeof(header));
    return message;
}

/// A connection with a stack, or without.
class Attacker {
public:
    explicit Attacker(const Loot& loot) : loot_(loot) { reconnect(); }

    /// Is one forged request answered as it should be?
    bool attempt(int kind, int round) {
        switch (kind) {
            case 0:
                return claim(socket_of(AF_INET, SOCK_DGRAM)) == EINVAL;
            case 1:
                return claim(socket_of(AF_INET6, SOCK_STREAM)) == EINVAL;
            case 2:
                return claim(listening()) == EISCONN;
            case 3:
                return claim(connected()) == EISCONN;
            case 4:
                return claim(UniqueFd(dup(loot_.accepted))) == EISCONN;
            case 5:
                return claim(UniqueFd(dup(loot_.other_namespace))) == EXDEV;
            case 6:
                return claim(UniqueFd(open("/etc/passwd", O_RDONLY | O_CLOEXEC))) == EBADF;
            case 7:
                return claim(UniqueFd(eventfd(0, EFD_CLOEXEC))) == EBADF;
            case 8:
                return claim(socket_of(round % 2 == 0 ? AF_UNIX : AF_NETLINK, SOCK_DGRAM)) == EAFNOSUPPORT;
            case 9:
                return claim_two() == EINVAL;
            case 10:
                return explicitly(round % 2 == 0 ? IPPROTO_TCP : IPPROTO_UDP, 8080) == EPROTONOSUPPORT;
            case 11:
                return explicitly(IPPROTO_DCCP, static_cast<std::uint16_t>(1 + round)) == EACCES;
            case 12:
                return explicitly(IPPROTO_SCTP, victims_sctp_port) == EADDRINUSE;
            case 13:
                return explicitly(IPPROTO_ICMP, static_cast<std::uint16_t>(1 + round)) == EPERM;
            case 14:
                return release(loot_.victims) == ENOENT;
            case 15:
                return release_twice() == ENOENT;
            case 16:
                return with_descriptor(request<alpine_attach>(ALPINE_MSG_ATTACH)) == EINVAL;
            case 17:
                return again(request<alpine_attach>(ALPINE_MSG_ATTACH)) == EALREADY;
            case 18:
                return before_attach() == ENOTCONN;
            default:
                return misframed(round);
        }
    }

private:
    static UniqueFd socket_of(int family, int type) { return UniqueFd(socket(family, type | SOCK_CLOEXEC, 0)); }

    static UniqueFd listening() {
        UniqueFd made = bound_socket({"127.0.0.1", 0}, SOCK_STREAM);
        listen(made.get(), 1);
        return made;
    }

    static UniqueFd connected() {
        UniqueFd made = bound_socket({"127.0.0.1", 0});
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(9);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        (void)connect(made.get(), reinterpret_cast<const sockaddr*>(&to), sizeof(to));
        return made;
    }

    void open_connection() {
        const auto to = proxy::socket_address(ALPINE_PROXY_SOCKET).value();
        connection_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(connection_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length), 0);
    }

    void reconnect() {
        open_connection();
        EXPECT_EQ(again(request<alpine_attach>(ALPINE_MSG_ATTACH)), 0);
    }

    int ask(const void* bytes, std::size_t length, const std::vector<int>& fds) {
        alignas(cmsghdr) std::array<char, CMSG_SPACE(32 * sizeof(int))> control{};
        iovec part{const_cast<void*>(bytes), length};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!fds.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
            cmsghdr* rights = CMSG_FIRSTHDR(&message);
            rights->cmsg_level = SOL_SOCKET;
            rights->cmsg_type = SCM_RIGHTS;
            rights->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
            std::memcpy(CMSG_DATA(rights), fds.data(), fds.size() * sizeof(int));
        }
        alignas(8) std::array<char, ALPINE_MSG_MAX> data{};
        if (sendmsg(connection_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(length) ||
            recv(connection_.get(), data.data(), data.size(), 0) < static_cast<ssize_t>(sizeof(alpine_reply))) {
            return -1;
        }
        std::memcpy(&last_claim_, data.data(), sizeof(last_claim_));
        return last_claim_.reply.error;
    }

    template <typename T>
    int again(const T& message) {
        return ask(&message, sizeof(message), {});
    }

    template <typename T>
    int with_descriptor(const T& message) {
        return ask(&message, sizeof(message), {STDERR_FILENO});
    }

    int claim(const UniqueFd& socket) {
        const auto message = request<alpine_claim>(ALPINE_MSG_CLAIM);
        return ask(&message, sizeof(message), {socket.get()});
    }

    int claim_two() {
        const UniqueFd one = bound_socket({"127.0.0.1", 0});
        const UniqueFd two = bound_socket({"127.0.0.1", 0});
        const auto message = request<alpine_claim>(ALPINE_MSG_CLAIM);
        return ask(&message, sizeof(message), {one.get(), two.get()});
    }

    int explicitly(int protocol, std::uint16_t port) {
        auto message = request<alpine_claim>(ALPINE_MSG_CLAIM);
        const in6_addr any = mapped_address("0.0.0.0");
        std::memcpy(message.endpoint.key.addr, &any, sizeof(any));
        message.endpoint.key.protocol = static_cast<__u8>(protocol);
        message.endpoint.key.port_be = htons(port);
        return again(message);
    }

    int release(const alpine_flow_key& key) {
        auto message = request<alpine_release>(ALPINE_MSG_RELEASE);
        message.endpoint.key = key;
        return again(message);
    }

    /// A claim, its release, and the release once more.
    int release_twice() {
        const UniqueFd socket = bound_socket({"127.0.0.1", 0});
        EXPECT_EQ(claim(socket), 0);
        const alpine_flow_key key = last_claim_.endpoint.key;
        EXPECT_EQ(release(key), 0);
        return release(key);
    }

    int before_attach() {
        open_connection();
        const int error = claim(bound_socket({"127.0.0.1", 0}));
        reconnect();
        return error;
    }

    /// alpined hangs up on who does not speak its protocol.
    bool misframed(int round) {
        auto message = request<alpine_claim>(ALPINE_MSG_CLAIM);
        std::size_t length = sizeof(message);
        int expected = EBADMSG;
        std::vector<int> fds;
        switch (round % 5) {
            case 0:
                message.header.magic ^= 1U << round % 32;
                break;
            case 1:
                message.header.version = static_cast<__u16>(message.header.version + 1 + round);
                expected = EPROTO;
                break;
            case 2:
                message.header.length += 1;
                break;
            case 3:
                message.header.type = static_cast<__u16>(round % 2 == 0 ? 99 : ALPINE_MSG_CLAIM | ALPINE_REPLY);
                break;
            default:
                length = 17;
                break;
        }
        const bool refused = ask(&message, length, fds) == expected;
        char byte = 0;
        const bool hung_up = recv(connection_.get(), &byte, 1, 0) <= 0;
        reconnect();
        return refused && hung_up;
    }

    const Loot& loot_;
    UniqueFd connection_;
    alpine_claim_reply last_claim_{};
};

class HostileClaims : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
        if (UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP)).valid()) {
            GTEST_SKIP() << "this host's kernel has SCTP and DCCP: they are claimed by sockets here";
        }
        testbed = std::make_unique<Testbed>();
    }
    void TearDown() override { testbed.reset(); }

    std::unique_ptr<Testbed> testbed;
};

/// A connection to a listener on a port that the attacker could never bind.
UniqueFd accepted_by_root(UniqueFd& listener, UniqueFd& client) {
    listener = bound_socket({"127.0.0.1", 80}, SOCK_STREAM);
    EXPECT_EQ(listen(listener.get(), 1), 0);
    sockaddr_in to{};
    socklen_t length = sizeof(to);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&to), &length);
    client = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&to), length), 0);
    return UniqueFd(accept(listener.get(), nullptr, nullptr));
}

TEST_F(HostileClaims, NoneOfAThousandIsGrantedAndEachIsCounted) {
    StackClient victim(testbed->a());
    const auto victims_port = victim.claim({"0.0.0.0", 0});
    ASSERT_TRUE(victim.proxy().claim_explicit(IPPROTO_SCTP, mapped_address("0.0.0.0"), victims_sctp_port, false).ok());

    UniqueFd elsewhere;
    {
        const Inside inside(testbed->b());
        elsewhere = bound_socket({"0.0.0.0", 0});
    }
    const auto before = victim.proxy().status().value();
    {
        const Inside inside(testbed->a());
        UniqueFd listener;
        UniqueFd client;
        const UniqueFd accepted = accepted_by_root(listener, client);
        Loot loot{accepted.get(), elsewhere.get(), {}};
        const in6_addr any = mapped_address("0.0.0.0");
        std::memcpy(loot.victims.addr, &any, sizeof(any));
        loot.victims.protocol = IPPROTO_UDP;
        loot.victims.port_be = htons(victims_port);

        ASSERT_EQ(as_nobody(testbed->a(),
                            [&loot] {
                                Attacker attacker(loot);
                                for (int attempt = 0; attempt < hostile_attempts; ++attempt) {
                                    EXPECT_TRUE(attacker.attempt(attempt % hostile_kinds, attempt / hostile_kinds))
                                        << "kind " << attempt % hostile_kinds << ", round " << attempt / hostile_kinds;
                                }
                                return testing::Test::HasFailure() ? 1 : 0;
                            }),
                  0);
    }
    ASSERT_TRUE(within_a_second([&] { return victim.proxy().status().value().stacks == before.stacks; }));
    const auto after = victim.proxy().status().value();
    EXPECT_EQ(after.refusals - before.refusals, static_cast<unsigned>(hostile_attempts));
    EXPECT_EQ(after.endpoints, before.endpoints);

    const Inside inside(testbed->b());
    const UniqueFd client = bound_socket({address_b4, 0});
    send_datagram(client.get(), {address_a4, victims_port}, "still mine");
    const auto seen = victim.receive();
    ASSERT_TRUE(seen.has_value());
    EXPECT_EQ(seen->payload, "still mine");
}

// A flood of refusals does not flood the log, and what is left out is told.
TEST_F(HostileClaims, RefusalsAreLoggedAtALimitedRate) {
    constexpr std::size_t flood = 500;
    ASSERT_EQ(as_nobody(testbed->a(),
                        [] {
                            proxy::Client client;
                            if (!client.connect(ALPINE_PROXY_SOCKET) || !client.attach()) {
                                return 1;
                            }
                            for (std::size_t i = 0; i < flood; ++i) {
                                (void)client.claim(STDERR_FILENO);
                            }
                            return 0;
                        }),
              0);
    const auto left_out = [this] { return testbed->log().find("left out") != std::string::npos; };
    EXPECT_TRUE(within_a_second(left_out) || within_a_second(left_out) || within_a_second(left_out));
    std::size_t lines = 0;
    const std::string log = testbed->log();
    for (auto at = log.find("refused "); at != std::string::npos; at = log.find("refused ", at + 1)) {
        ++lines;
    }
    EXPECT_GT(lines, 0U);
    EXPECT_LE(lines, 150U);  // 50 in each second it took
}

}  // namespace
}  // namespace alp::test
