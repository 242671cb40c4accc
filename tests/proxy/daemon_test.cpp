// SPDX-License-Identifier: GPL-2.0
// alpined's protocol and its cleanliness: what it refuses, and what is left of a client that goes.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <thread>

#include "proxy/client/address.h"
#include "tests/proxy/stack_client.h"
#include "tests/proxy/with_testbed.h"

namespace alp::test {
namespace {

class Daemon : public WithTestbed {};

/// A connection on which a test sends what it likes.
class RawConnection {
public:
    RawConnection() {
        const Inside inside(*host);
        const auto to = proxy::socket_address(ALPINE_PROXY_SOCKET).value();
        fd_ = UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        EXPECT_EQ(connect(fd_.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length), 0);
    }

    void send(const void* data, std::size_t length, const std::vector<int>& fds = {}) {
        std::array<char, CMSG_SPACE(64 * sizeof(int))> control{};
        iovec part{const_cast<void*>(data), length};
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        if (!fds.empty()) {
            message.msg_control = control.data();
            message.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
            cmsghdr* c = CMSG_FIRSTHDR(&message);
            c->cmsg_level = SOL_SOCKET;
            c->cmsg_type = SCM_RIGHTS;
            c->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
            std::memcpy(CMSG_DATA(c), fds.data(), fds.size() * sizeof(int));
        }
        ASSERT_EQ(sendmsg(fd_.get(), &message, MSG_NOSIGNAL), static_cast<ssize_t>(length));
    }

    template <typename T>
    void send(const T& message, const std::vector<int>& fds = {}) {
        send(&message, sizeof(message), fds);
    }

    template <typename T>
    bool try_send(const T& message) {
        return ::send(fd_.get(), &message, sizeof(message), MSG_NOSIGNAL) == sizeof(message);
    }

    /// The errno of the next reply; -1 when alpined hung up instead.
    int reply_error() {
        std::array<char, ALPINE_MSG_MAX> data{};
        if (recv(fd_.get(), data.data(), data.size(), 0) < static_cast<ssize_t>(sizeof(alpine_reply))) {
            return -1;
        }
        alpine_reply reply{};
        std::memcpy(&reply, data.data(), sizeof(reply));
        return reply.error;
    }

    static const Namespace* host;

private:
    UniqueFd fd_;
};

const Namespace* RawConnection::host;

template <typename T>
T request(unsigned type) {
    T message{};
    const alpine_msg_header header = {ALPINE_PROXY_MAGIC, ALPINE_PROXY_VERSION, static_cast<__u16>(type), sizeof(T), 1};
    std::memcpy(&message, &header, sizeof(header));
    return message;
}

/// An attached connection, and what alpined answers to a claim with these descriptors.
class Claims : public Daemon {
protected:
    void SetUp() override {
        Daemon::SetUp();
        if (testbed == nullptr) {
            return;
        }
        RawConnection::host = &testbed->a();
        connection = std::make_unique<RawConnection>();
        connection->send(request<alpine_attach>(ALPINE_MSG_ATTACH));
        ASSERT_EQ(connection->reply_error(), 0);
    }
    void TearDown() override { connection.reset(); }

    int claim_error(const std::vector<int>& fds) {
        connection->send(request<alpine_claim>(ALPINE_MSG_CLAIM), fds);
        return connection->reply_error();
    }

    /// Ports of 0 are bound, too.
    static UniqueFd local_socket(int type, const Point& point = {"0.0.0.0", 0}) {
        const Inside inside(testbed->a());
        return bound_socket(point, type);
    }

    std::unique_ptr<RawConnection> connection;
};

class Framing : public Daemon {
protected:
    void SetUp() override {
        Daemon::SetUp();
        if (testbed != nullptr) {
            RawConnection::host = &testbed->a();
        }
    }

    /// alpined answers `message` with this errno, hangs up, and lives.
    template <typename T>
    static void expect_hangup(const T& message, int error) {
        RawConnection connection;
        connection.send(message);
        EXPECT_EQ(connection.reply_error(), error);
        EXPECT_EQ(connection.reply_error(), -1);
        EXPECT_EQ(kill(testbed->alpined_pid(), 0), 0);
    }
};

TEST_F(Framing, AnotherVersionIsAnsweredEproto) {
    auto message = request<alpine_attach>(ALPINE_MSG_ATTACH);
    message.header.version = ALPINE_PROXY_VERSION + 1;
    expect_hangup(message, EPROTO);
}

TEST_F(Framing, AnotherMagicIsAnsweredEbadmsg) {
    auto message = request<alpine_attach>(ALPINE_MSG_ATTACH);
    message.header.magic = 0xdeadbeef;
    expect_hangup(message, EBADMSG);
}

TEST_F(Framing, AnUnknownTypeIsAnsweredEbadmsg) { expect_hangup(request<alpine_attach>(99), EBADMSG); }

TEST_F(Framing, AWrongLengthIsAnsweredEbadmsg) { expect_hangup(request<alpine_lease>(ALPINE_MSG_CLAIM), EBADMSG); }

TEST_F(Framing, AMessageOfOneByteIsAnsweredEbadmsg) { expect_hangup('x', EBADMSG); }

TEST_F(Framing, AnOversizedMessageIsAnsweredEmsgsize) { expect_hangup(std::array<char, 100'000>{}, EMSGSIZE); }

TEST_F(Framing, TooManyDescriptorsAreAnsweredEmsgsizeAndClosed) {
    RawConnection connection;
    connection.send(request<alpine_claim>(ALPINE_MSG_CLAIM), std::vector<int>(40, STDERR_FILENO));
    EXPECT_EQ(connection.reply_error(), EMSGSIZE);
}

TEST_F(Framing, ADescriptorWithARequestThatTakesNoneIsRefused) {
    RawConnection connection;
    connection.send(request<alpine_attach>(ALPINE_MSG_ATTACH), {STDERR_FILENO});
    EXPECT_EQ(connection.reply_error(), EINVAL);
}

TEST_F(Framing, AClaimBeforeAttachIsRefused) {
    RawConnection connection;
    connection.send(request<alpine_claim>(ALPINE_MSG_CLAIM));
    EXPECT_EQ(connection.reply_error(), ENOTCONN);
}

TEST_F(Framing, AClientThatDoesNotReadItsRepliesIsDisconnected) {
    RawConnection connection;
    const auto status = request<alpine_msg_header>(ALPINE_MSG_STATUS);
    int sent = 0;
    while (connection.try_send(status) && sent < 100'000) {
        ++sent;
    }
    EXPECT_LT(sent, 100'000);
    EXPECT_TRUE(errno == EPIPE || errno == ECONNRESET) << strerror(errno);
}

TEST_F(Claims, ASecondAttachIsRefused) {
    connection->send(request<alpine_attach>(ALPINE_MSG_ATTACH));
    EXPECT_EQ(connection->reply_error(), EALREADY);
}

TEST_F(Claims, AFileIsNoSocket) {
    const UniqueFd file(open("/etc/passwd", O_RDONLY | O_CLOEXEC));
    EXPECT_EQ(claim_error({file.get()}), EBADF);
}

TEST_F(Claims, AUnixSocketIsRefused) {
    const UniqueFd unix_socket(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(claim_error({unix_socket.get()}), EAFNOSUPPORT);
}

TEST_F(Claims, ARawSocketIsRefused) {
    const Inside inside(testbed->a());
    const UniqueFd raw(socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_UDP));
    EXPECT_EQ(claim_error({raw.get()}), EPROTONOSUPPORT);
}

TEST_F(Claims, AnUnboundSocketIsRefused) {
    const Inside inside(testbed->a());
    const UniqueFd unbound(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    EXPECT_EQ(claim_error({unbound.get()}), EINVAL);
}

TEST_F(Claims, ASocketOfAnotherNamespaceIsRefused) {
    const Inside inside(testbed->b());
    const UniqueFd elsewhere = bound_socket({"0.0.0.0", 0});
    EXPECT_EQ(claim_error({elsewhere.get()}), EXDEV);
}

TEST_F(Claims, AListenerIsRefused) {
    const UniqueFd listener = local_socket(SOCK_STREAM);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    EXPECT_EQ(claim_error({listener.get()}), EISCONN);
}

TEST_F(Claims, AnAcceptedConnectionProvesNothing) {
    const Inside inside(testbed->a());
    const UniqueFd listener = bound_socket({"127.0.0.1", 0}, SOCK_STREAM);
    ASSERT_EQ(listen(listener.get(), 1), 0);
    sockaddr_in name{};
    socklen_t length = sizeof(name);
    getsockname(listener.get(), reinterpret_cast<sockaddr*>(&name), &length);
    UniqueFd connecting(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    ASSERT_EQ(connect(connecting.get(), reinterpret_cast<sockaddr*>(&name), length), 0);
    const UniqueFd accepted(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
    EXPECT_EQ(claim_error({accepted.get()}), EISCONN);

    // Nor does it when it was reset, although its name still has the listener's port.
    const linger at_once = {1, 0};
    setsockopt(connecting.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
    connecting.reset();
    EXPECT_EQ(claim_error({accepted.get()}), EINVAL);
}

TEST_F(Claims, TwoSocketsInOneClaimAreRefused) {
    const UniqueFd one = local_socket(SOCK_DGRAM);
    EXPECT_EQ(claim_error({one.get(), one.get()}), EINVAL);
}

/// The socket still has its port, but does not say any more that others may have it, too.
void stop_sharing(const UniqueFd& socket) {
    const int off = 0;
    ASSERT_EQ(setsockopt(socket.get(), SOL_SOCKET, SO_REUSEPORT, &off, sizeof(off)), 0);
}

TEST_F(Claims, TheSameEndpointOfAnotherStackIsInUse) {
    const Inside inside(testbed->a());
    const UniqueFd mine = bound_socket({"0.0.0.0", 0}, SOCK_DGRAM, true);
    const UniqueFd twin = bound_socket({"0.0.0.0", port_of(mine.get())}, SOCK_DGRAM, true);
    ASSERT_TRUE(twin.valid());
    stop_sharing(mine);
    StackClient other(testbed->a());
    ASSERT_TRUE(other.proxy().claim(mine.get()).ok());
    EXPECT_EQ(claim_error({twin.get()}), EADDRINUSE);
}

TEST_F(Claims, TheSameEndpointOfAnotherStackIsSharedByReusePort) {
    const Inside inside(testbed->a());
    const UniqueFd mine = bound_socket({"0.0.0.0", 0}, SOCK_DGRAM, true);
    const UniqueFd twin = bound_socket({"0.0.0.0", port_of(mine.get())}, SOCK_DGRAM, true);
    StackClient other(testbed->a());
    ASSERT_TRUE(other.proxy().claim(mine.get()).ok());
    EXPECT_EQ(claim_error({twin.get()}), 0);
}

TEST_F(Claims, AnExplicitClaimOfATransportTheHostHasIsRefused) {
    auto message = request<alpine_claim>(ALPINE_MSG_CLAIM);
    message.endpoint.key.protocol = IPPROTO_TCP;
    message.endpoint.key.port_be = htons(8080);
    connection->send(message);
    EXPECT_EQ(connection->reply_error(), EPROTONOSUPPORT);
}

TEST_F(Daemon, AHostProgramCannotBindAClaimedPortUntilItIsReleased) {
    StackClient client(testbed->a());
    const Inside inside(testbed->a());
    UniqueFd dummy = bound_socket({"0.0.0.0", 0}, SOCK_STREAM);
    const Point point{"0.0.0.0", port_of(dummy.get())};
    const auto claim = client.proxy().claim(dummy.get());
    ASSERT_TRUE(claim.ok());
    dummy.reset();
    EXPECT_FALSE(bound_socket(point, SOCK_STREAM).valid());
    EXPECT_EQ(errno, EADDRINUSE);
    ASSERT_TRUE(client.proxy().release(claim.value()).ok());
    EXPECT_TRUE(bound_socket(point, SOCK_STREAM).valid());
}

TEST_F(Daemon, AClaimEndsWhenItsSocketGivesBackThePort) {
    StackClient client(testbed->a());
    const Inside inside(testbed->a());
    const UniqueFd dummy = bound_socket({"0.0.0.0", 0});
    ASSERT_TRUE(client.proxy().claim(dummy.get()).ok());
    const auto endpoints = [&client] { return client.proxy().status().value().endpoints; };
    EXPECT_EQ(endpoints(), 1U);

    sockaddr_in somewhere{};
    somewhere.sin_family = AF_INET;
    somewhere.sin_port = htons(9);
    somewhere.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ASSERT_EQ(connect(dummy.get(), reinterpret_cast<sockaddr*>(&somewhere), sizeof(somewhere)), 0);
    somewhere.sin_family = AF_UNSPEC;
    ASSERT_EQ(connect(dummy.get(), reinterpret_cast<sockaddr*>(&somewhere), sizeof(somewhere)), 0);
    EXPECT_TRUE(within_a_second([&] { return endpoints() == 0; }) || within_a_second([&] { return endpoints() == 0; }));
}

TEST_F(Daemon, ReleasingWhatIsNotClaimedIsAnError) {
    StackClient client(testbed->a());
    const auto released = client.proxy().release({IPPROTO_TCP, {}, 1234, false});
    ASSERT_FALSE(released.ok());
    EXPECT_EQ(released.error().code, ENOENT);
}

TEST_F(Daemon, ClaimsOfTheSameEndpointAreCounted) {
    StackClient client(testbed->a());
    const Inside inside(testbed->a());
    const UniqueFd dummy = bound_socket({"0.0.0.0", 0});
    const auto first = client.proxy().claim(dummy.get());
    const auto second = client.proxy().claim(dummy.get());
    ASSERT_TRUE(first.ok() && second.ok());
    EXPECT_TRUE(client.proxy().release(first.value()).ok());
    EXPECT_TRUE(client.proxy().release(second.value()).ok());
    EXPECT_FALSE(client.proxy().release(second.value()).ok());
}

TEST_F(Daemon, ATransportTheHostLacksIsClaimedByNumber) {
    if (UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, IPPROTO_SCTP)).valid()) {
        GTEST_SKIP() << "this host's kernel has SCTP";
    }
    StackClient one(testbed->a());
    StackClient other(testbed->a());
    const in6_addr any = mapped_address("0.0.0.0");
    const auto claim = one.proxy().claim_explicit(IPPROTO_SCTP, any, 5000, false);
    ASSERT_TRUE(claim.ok()) << claim.error().message();
    EXPECT_EQ(claim.value().port, 5000);
    const auto taken = other.proxy().claim_explicit(IPPROTO_SCTP, mapped_address(address_a4), 5000, false);
    ASSERT_FALSE(taken.ok());
    EXPECT_EQ(taken.error().code, EADDRINUSE);
    const auto picked = other.proxy().claim_explicit(IPPROTO_SCTP, any, 0, false);
    ASSERT_TRUE(picked.ok());
    EXPECT_GE(picked.value().port, 1024);
}

TEST_F(Daemon, PrivilegedPortsOfATransportTheHostLacksAreRoots) {
    const Child nobody([] {
        testbed->a().enter();
        if (setuid(65534) != 0) {
            return 2;
        }
        proxy::Client client;
        if (!client.connect(ALPINE_PROXY_SOCKET) || !client.attach()) {
            return 3;
        }
        const auto claim = client.claim_explicit(IPPROTO_DCCP, mapped_address("0.0.0.0"), 80, false);
        return !claim.ok() && claim.error().code == EACCES ? 0 : 4;
    });
    int status = 0;
    waitpid(nobody.pid(), &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Daemon, AUserSeesOnlyHisOwnStacks) {
    const StackClient roots(testbed->a());
    const Child nobody([] {
        testbed->a().enter();
        if (setuid(65534) != 0) {
            return 2;
        }
        proxy::Client client;
        if (!client.connect(ALPINE_PROXY_SOCKET) || !client.attach()) {
            return 3;
        }
        const auto stacks = client.list();
        return stacks.ok() && stacks.value().size() == 1 && stacks.value()[0].uid == 65534 ? 0 : 4;
    });
    int status = 0;
    waitpid(nobody.pid(), &status, 0);
    EXPECT_EQ(WEXITSTATUS(status), 0);
}

TEST_F(Daemon, AListenerOfAnotherUserIsNotBelieved) {
    const Child squatter([] {
        testbed->a().enter();
        const auto to = proxy::socket_address("@alpt-squatter").value();
        const UniqueFd listener(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        const bool bound = bind(listener.get(), reinterpret_cast<const sockaddr*>(&to.address), to.length) == 0;
        if (!bound || setuid(65534) != 0 || listen(listener.get(), 1) != 0) {
            return 1;
        }
        pause();
        return 0;
    });
    // Root's own connections believe root only; the listener shows the user who called listen().
    const Inside inside(testbed->a());
    proxy::Client client;
    int code = 0;
    ASSERT_TRUE(within_a_second([&] {
        const auto connected = client.connect("@alpt-squatter");
        code = connected.ok() ? 0 : connected.error().code;
        return code != ECONNREFUSED;
    }));
    EXPECT_EQ(code, EPERM);
}

TEST_F(Daemon, ManyThreadsOfOneClientTakeTurns) {
    StackClient client(testbed->a());
    std::vector<std::thread> threads;
    threads.reserve(8);
    for (int i = 0; i < 8; ++i) {
        threads.emplace_back([&client] {
            for (int round = 0; round < 50; ++round) {
                const Inside inside(testbed->a());
                const UniqueFd dummy = bound_socket({"0.0.0.0", 0});
                const auto claim = client.proxy().claim(dummy.get());
                ASSERT_TRUE(claim.ok());
                EXPECT_EQ(claim.value().port, port_of(dummy.get()));
                EXPECT_TRUE(client.proxy().release(claim.value()).ok());
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
}

TEST_F(Daemon, TheClientsDescriptorsAreOutOfTheProgramsWay) {
    const StackClient client(testbed->a());
    const UniqueFd lowest(dup(STDERR_FILENO));
    EXPECT_LT(lowest.get(), 100);
    EXPECT_GT(client.wire().tun.get(), 100);
}

std::size_t descriptors_of(pid_t pid) {
    const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

TEST_F(Daemon, AThousandConnectionsLeaveNothing) {
    const auto before = descriptors_of(testbed->alpined_pid());
    const Inside inside(testbed->a());
    for (int i = 0; i < 1000; ++i) {
        proxy::Client client;
        ASSERT_TRUE(client.connect(ALPINE_PROXY_SOCKET).ok()) << i;
        if (i % 10 == 0) {
            ASSERT_TRUE(client.attach().ok()) << i;
            const UniqueFd dummy = bound_socket({"0.0.0.0", 0});
            ASSERT_TRUE(client.claim(dummy.get()).ok()) << i;
        }
    }
    // What came before may have been on its way out when it was counted.
    EXPECT_TRUE(within_a_second([&] { return descriptors_of(testbed->alpined_pid()) <= before; }));
    EXPECT_EQ(testbed->tun_count(), 0);
    proxy::Client client;
    ASSERT_TRUE(client.connect(ALPINE_PROXY_SOCKET).ok());
    EXPECT_EQ(client.status().value().endpoints, 0U);
}

/// Connects from host b; answers errno, 0 when it worked.
int connect_from_b(const Namespace& b, std::uint16_t port) {
    const Inside inside(b);
    const UniqueFd connecting(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const timeval patience = {0, 300'000};
    setsockopt(connecting.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(port);
    to.sin_addr.s_addr = htonl(0x0a4f0001);  // 10.79.0.1
    return connect(connecting.get(), reinterpret_cast<sockaddr*>(&to), sizeof(to)) == 0 ? 0 : errno;
}

TEST_F(Daemon, AKilledClientLeavesNothingAndItsPeersGetAReset) {
    constexpr std::uint16_t port = 4321;
    std::array<int, 2> ready{};
    ASSERT_EQ(pipe2(ready.data(), O_CLOEXEC), 0);
    Child victim([&] {
        StackClient client(testbed->a());
        client.claim({"0.0.0.0", port}, SOCK_STREAM);
        (void)!write(ready[1], "r", 1);
        pause();
        return 0;
    });
    char byte = 0;
    ASSERT_EQ(read(ready[0], &byte, 1), 1);
    EXPECT_EQ(testbed->tun_count(), 1);
    // Steered to a stack that says nothing: no answer, and above all no reset.
    EXPECT_EQ(connect_from_b(testbed->b(), port), EINPROGRESS);

    victim.end(SIGKILL);
    EXPECT_TRUE(within_a_second([] { return testbed->tun_count() == 0; }));
    EXPECT_EQ(connect_from_b(testbed->b(), port), ECONNREFUSED);
}

TEST_F(Daemon, ADeviceMadePersistentByItsClientGoesAllTheSame) {
    constexpr unsigned long tunsetpersist = 0x400454cb;
    {
        const StackClient client(testbed->a());
        ioctl(client.wire().tun.get(), tunsetpersist, 1);
    }
    EXPECT_TRUE(within_a_second([] { return testbed->tun_count() == 0; }));
}

TEST_F(Daemon, ASecondOneIsRefusedWithOneLine) {
    const std::string said = output_of(testbed->a().exec() + ALPINED_PATH + "; echo exit $?");
    EXPECT_NE(said.find("another alpined answers"), std::string::npos) << said;
    EXPECT_NE(said.find("exit 125"), std::string::npos) << said;
    EXPECT_EQ(std::count(said.begin(), said.end(), '\n'), 2) << said;
}

/// A testbed of its own, because alpined ends in it.
class End : public testing::Test {
protected:
    void SetUp() override {
        if (geteuid() != 0) {
            GTEST_SKIP() << "needs root";
        }
    }
};

TEST_F(End, OnSigtermEverythingIsPutBackIfNoStackIsLeft) {
    Testbed own;
    const std::string qdiscs = "tc -n " + own.a().name() + " qdisc show";
    EXPECT_EQ(output_of(qdiscs).find("clsact"), std::string::npos);
    {
        const StackClient client(own.a());
        EXPECT_NE(output_of(qdiscs).find("clsact"), std::string::npos);
    }
    ASSERT_TRUE(within_a_second([&] { return own.tun_count() == 0; }));
    const int status = own.end_alpined(SIGTERM);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    EXPECT_EQ(output_of(qdiscs).find("clsact"), std::string::npos) << output_of(qdiscs);
    EXPECT_EQ(own.tun_count(), 0);
}

TEST_F(End, ReversePathFilteringIsMovedToTheDevicesAndPutBack) {
    Testbed own;
    const auto rp_filter = [&own](const std::string& device) {
        return output_of(own.a().exec() + "sysctl -n net.ipv4.conf." + device + ".rp_filter");
    };
    own.end_alpined(SIGTERM);
    run(own.a().exec() + "sysctl -qw net.ipv4.conf.all.rp_filter=1 net.ipv4.conf.veth0.rp_filter=0");
    own.start_alpined();
    EXPECT_EQ(rp_filter("all"), "1\n");
    {
        const StackClient client(own.a());
        EXPECT_EQ(rp_filter("all"), "0\n");
        EXPECT_EQ(rp_filter("veth0"), "1\n");
    }
    ASSERT_TRUE(within_a_second([&] { return own.tun_count() == 0; }));
    own.end_alpined(SIGTERM);
    EXPECT_EQ(rp_filter("all"), "1\n");
    EXPECT_EQ(rp_filter("veth0"), "0\n");
}

TEST_F(End, AfterSigkillTheNextOneTakesOver) {
    Testbed own;
    own.end_alpined(SIGKILL);
    own.start_alpined();
    StackClient client(own.a());
    const auto port = client.claim({"0.0.0.0", 0});
    const Inside inside(own.b());
    const UniqueFd peer = bound_socket({address_b4, 0});
    send_datagram(peer.get(), {address_a4, port}, "hello");
    EXPECT_TRUE(client.receive().has_value());
}

TEST_F(End, NewDevicesAndAddressesAreSteeredAsTheyAppear) {
    Testbed own;
    StackClient client(own.a());
    const auto port = client.claim({"0.0.0.0", 0});
    run("ip link add veth1 netns " + own.a().name() + " type veth peer name veth1 netns " + own.b().name());
    run(own.a().ip() + "addr add 10.80.0.1/24 dev veth1");
    run(own.b().ip() + "addr add 10.80.0.2/24 dev veth1");
    run(own.a().ip() + "link set veth1 up");
    run(own.b().ip() + "link set veth1 up");
    const Inside inside(own.b());
    const UniqueFd peer = bound_socket({"10.80.0.2", 0});
    EXPECT_TRUE(within_a_second([&] {
        send_datagram(peer.get(), {"10.80.0.1", port}, "hello");
        return client.receive(50).has_value();
    }));
}

}  // namespace
}  // namespace alp::test
