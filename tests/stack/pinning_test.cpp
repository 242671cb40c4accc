// SPDX-License-Identifier: GPL-2.0
// What Linux does by pinning the program's pages: here it copies, or is refused, and never goes wrong.
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/errqueue.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/net_tstamp.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#include <string>
#include <thread>
#include <tuple>

#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr int kUdp = 110;
constexpr int kPacket = 120;
constexpr int kReceiver = 121;
constexpr std::uint16_t kExperimental = 0x88b5;  // IEEE 802, local experimental
constexpr int kTcpUlp = 31;                      // TCP_ULP, which <netinet/tcp.h> and <linux/tcp.h> do not both have

/// Bytes that tell a wrong place from the right one.
std::string pattern(std::size_t len_bytes) {
    std::string bytes(len_bytes, '\0');
    for (std::size_t i = 0; i < len_bytes; ++i) {
        bytes[i] = static_cast<char>((i * 2654435761U) >> 13);
    }
    return bytes;
}

std::string receive(int fd, std::size_t wanted) {
    std::string bytes(wanted, '\0');
    std::size_t have = 0;
    while (have < wanted) {
        const long got = call(SYS_read, fd, arg(bytes.data() + have), static_cast<long>(wanted - have));
        if (got <= 0) {
            ADD_FAILURE() << "read: " << got;
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    bytes.resize(have);
    return bytes;
}

/// What kClient is sent with `flags` comes out of kAccepted as it went in.
void expect_goes_through(const std::string& bytes, int flags) {
    std::thread sender([&bytes, flags] {
        for (std::size_t sent = 0; sent < bytes.size();) {
            const long done = call(SYS_sendto, kClient, arg(bytes.data() + sent),
                                   static_cast<long>(bytes.size() - sent), flags, 0, 0);
            ASSERT_GT(done, 0);
            sent += static_cast<std::size_t>(done);
        }
        thread_exit();
    });
    EXPECT_TRUE(receive(kAccepted, bytes.size()) == bytes) << bytes.size() << " bytes";
    sender.join();
}

TEST(Pinning, ZeroCopyIsRefusedAndItsFlagCopies) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    EXPECT_EQ(set_option(kClient, SOL_SOCKET, SO_ZEROCOPY, 1), -EOPNOTSUPP);
    EXPECT_EQ(set_option(kClient, SOL_SOCKET, SO_ZEROCOPY, 0), 0);
    EXPECT_EQ(set_option(kClient, SOL_SOCKET, SO_ZEROCOPY, 2), -EINVAL);
    expect_goes_through(pattern(1 << 20), MSG_ZEROCOPY);
    make_udp_to_itself(kUdp, 7000);
    EXPECT_EQ(set_option(kUdp, SOL_SOCKET, SO_ZEROCOPY, 1), -EOPNOTSUPP);
    const std::string packet = pattern(30000);
    EXPECT_EQ(call(SYS_sendto, kUdp, arg(packet.data()), 30000, MSG_ZEROCOPY, 0, 0), 30000);
    EXPECT_TRUE(receive(kUdp, packet.size()) == packet);
}

TEST(Pinning, ZeroCopyReceiveIsNoOption) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    char request[64] = {};
    socklen_t len = sizeof(request);
    constexpr int kTcpZerocopyReceive = 35;
    EXPECT_EQ(call(SYS_getsockopt, kAccepted, IPPROTO_TCP, kTcpZerocopyReceive, arg(request), arg(&len)), -ENOPROTOOPT);
}

TEST(Pinning, FamiliesThatOnlyPinAreAbsent) {
    ASSERT_TRUE(start(options()).ok());
    EXPECT_EQ(call(ALPINE_NR_socket_at, kUdp, AF_XDP, SOCK_RAW, 0), -EAFNOSUPPORT);
    EXPECT_EQ(call(ALPINE_NR_socket_at, kUdp, AF_ALG, SOCK_SEQPACKET, 0), -EAFNOSUPPORT);
}

TEST(Pinning, VmspliceIsFault) {
    ASSERT_TRUE(start(options()).ok());
    int ends[2];
    ASSERT_EQ(call(SYS_pipe2, arg(ends), 0), 0);
    const std::string bytes = pattern(8192);
    const iovec from = {const_cast<char*>(bytes.data()), bytes.size()};
    EXPECT_EQ(call(SYS_vmsplice, ends[1], arg(&from), 1, 0), -EFAULT);
}

/// TLS version and cipher.
using Suite = std::tuple<int, int>;

struct Keys {
    char bytes[128] = {};
    long len_bytes = 0;
};

Keys keys_of(const Suite& suite) {
    const auto [version, cipher] = suite;
    Keys keys;
    auto* info = reinterpret_cast<tls_crypto_info*>(keys.bytes);
    for (std::size_t i = sizeof(*info); i < sizeof(keys.bytes); ++i) {
        keys.bytes[i] = static_cast<char>(i);
    }
    info->version = static_cast<std::uint16_t>(version);
    info->cipher_type = static_cast<std::uint16_t>(cipher);
    switch (cipher) {
        case TLS_CIPHER_AES_GCM_128:
            keys.len_bytes = sizeof(tls12_crypto_info_aes_gcm_128);
            break;
        case TLS_CIPHER_AES_GCM_256:
            keys.len_bytes = sizeof(tls12_crypto_info_aes_gcm_256);
            break;
        case TLS_CIPHER_AES_CCM_128:
            keys.len_bytes = sizeof(tls12_crypto_info_aes_ccm_128);
            break;
        default:
            keys.len_bytes = sizeof(tls12_crypto_info_chacha20_poly1305);
    }
    return keys;
}

class KernelTls : public testing::TestWithParam<Suite> {};

TEST_P(KernelTls, CarriesWhatItIsGiven) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    for (const int fd : {kClient, kAccepted}) {
        ASSERT_EQ(call(SYS_setsockopt, fd, IPPROTO_TCP, kTcpUlp, arg("tls"), 3), 0);
    }
    const Keys keys = keys_of(GetParam());
    ASSERT_EQ(call(SYS_setsockopt, kClient, SOL_TLS, TLS_TX, arg(keys.bytes), keys.len_bytes), 0);
    ASSERT_EQ(call(SYS_setsockopt, kAccepted, SOL_TLS, TLS_RX, arg(keys.bytes), keys.len_bytes), 0);
    for (const std::size_t len_bytes : {1U, 1000U, 16384U, 16385U, 1000000U}) {
        expect_goes_through(pattern(len_bytes), 0);
    }
}

INSTANTIATE_TEST_SUITE_P(Suites, KernelTls,
                         testing::Values(Suite{TLS_1_2_VERSION, TLS_CIPHER_AES_GCM_128},
                                         Suite{TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_256},
                                         Suite{TLS_1_2_VERSION, TLS_CIPHER_AES_CCM_128},
                                         Suite{TLS_1_2_VERSION, TLS_CIPHER_CHACHA20_POLY1305}));

// The option that makes TLS 1.3 decrypt in place, too.
TEST(Pinning, TlsWithoutPaddingCopiesAsWell) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_tcp_connection(80);
    for (const int fd : {kClient, kAccepted}) {
        ASSERT_EQ(call(SYS_setsockopt, fd, IPPROTO_TCP, kTcpUlp, arg("tls"), 3), 0);
    }
    const Keys keys = keys_of({TLS_1_3_VERSION, TLS_CIPHER_AES_GCM_128});
    ASSERT_EQ(call(SYS_setsockopt, kClient, SOL_TLS, TLS_TX, arg(keys.bytes), keys.len_bytes), 0);
    ASSERT_EQ(call(SYS_setsockopt, kAccepted, SOL_TLS, TLS_RX, arg(keys.bytes), keys.len_bytes), 0);
    constexpr int kTlsRxExpectNoPad = 4;
    ASSERT_EQ(set_option(kAccepted, SOL_TLS, kTlsRxExpectNoPad, 1), 0);
    expect_goes_through(pattern(1000000), 0);
}

/// An Ethernet frame of a protocol that nobody but this test speaks.
std::string experimental_frame(const std::string& payload) {
    ethhdr ethernet{};
    ethernet.h_proto = htons(kExperimental);
    return std::string(reinterpret_cast<const char*>(&ethernet), sizeof(ethernet)) + payload;
}

// The frames of a TX ring go out from where they lie, which is the stack's memory: nothing is pinned.
TEST(Pinning, TransmitRingSends) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    ASSERT_EQ(call(ALPINE_NR_socket_at, kReceiver, AF_PACKET, SOCK_RAW, htons(kExperimental)), kReceiver);
    ASSERT_EQ(call(ALPINE_NR_socket_at, kPacket, AF_PACKET, SOCK_RAW, 0), kPacket);
    ASSERT_EQ(set_option(kPacket, SOL_PACKET, PACKET_VERSION, int{TPACKET_V2}), 0);
    tpacket_req request{};
    request.tp_block_size = 1 << 16;
    request.tp_block_nr = 1;
    request.tp_frame_size = 1 << 11;
    request.tp_frame_nr = 32;
    ASSERT_EQ(set_option(kPacket, SOL_PACKET, PACKET_TX_RING, request), 0);
    alpine_packet_map map{};
    ASSERT_EQ(call(ALPINE_NR_packet_map, kPacket, arg(&map)), 1 << 16);
    void* ring =
        mremap(reinterpret_cast<void*>(call(ALPINE_NR_packet_block, map.handle, 0)), 0, 1 << 16, MREMAP_MAYMOVE);
    ASSERT_NE(ring, MAP_FAILED);

    const std::string frame = experimental_frame(pattern(1200));
    auto* slot = static_cast<tpacket2_hdr*>(ring);
    memcpy(static_cast<char*>(ring) + TPACKET2_HDRLEN - sizeof(sockaddr_ll), frame.data(), frame.size());
    slot->tp_len = static_cast<std::uint32_t>(frame.size());
    slot->tp_status = TP_STATUS_SEND_REQUEST;
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(kExperimental);
    to.sll_ifindex = 1;
    ASSERT_EQ(call(SYS_sendto, kPacket, 0, 0, 0, arg(&to), sizeof(to)), static_cast<long>(frame.size()));
    EXPECT_TRUE(receive(kReceiver, frame.size()) == frame);
    EXPECT_EQ(call(ALPINE_NR_packet_unmap, map.handle), 0);
    munmap(ring, 1 << 16);
}

/// The software time stamp among the control messages of a received message, in seconds; 0: none.
long time_stamp_of(const msghdr& message) {
    for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
         control = CMSG_NXTHDR(const_cast<msghdr*>(&message), control)) {
        if (control->cmsg_level == SOL_SOCKET && control->cmsg_type == SCM_TIMESTAMPING) {
            return reinterpret_cast<const scm_timestamping*>(CMSG_DATA(control))->ts[0].tv_sec;
        }
    }
    return 0;
}

long received_time_stamp(int fd, int flags) {
    char bytes[64];
    char control[512];
    iovec to = {bytes, sizeof(bytes)};
    msghdr message{};
    message.msg_iov = &to;
    message.msg_iovlen = 1;
    message.msg_control = control;
    message.msg_controllen = sizeof(control);
    EXPECT_GE(call(SYS_recvmsg, fd, arg(&message), flags), 0);
    return time_stamp_of(message);
}

TEST(Pinning, TimeStampsOfBothDirectionsCome) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_udp_to_itself(kUdp, 7000);
    const int wanted = SOF_TIMESTAMPING_TX_SOFTWARE | SOF_TIMESTAMPING_RX_SOFTWARE | SOF_TIMESTAMPING_SOFTWARE |
                       SOF_TIMESTAMPING_TX_SCHED;
    ASSERT_EQ(set_option(kUdp, SOL_SOCKET, SO_TIMESTAMPING, wanted), 0);
    ASSERT_EQ(call(SYS_write, kUdp, arg("stamp"), 5), 5);
    const long now = time(nullptr);
    EXPECT_NEAR(static_cast<double>(received_time_stamp(kUdp, 0)), static_cast<double>(now), 60);
    EXPECT_NEAR(static_cast<double>(received_time_stamp(kUdp, MSG_ERRQUEUE)), static_cast<double>(now), 60);
}

}  // namespace
}  // namespace alp::stack
