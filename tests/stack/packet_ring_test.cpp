// SPDX-License-Identifier: GPL-2.0
// The rings of packet sockets (PACKET_MMAP, what libpcap captures with), mapped a second time by the host.
#include <errno.h>
#include <gtest/gtest.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <string>
#include <thread>

#include "tests/stack/loopback.h"

namespace alp::stack {
namespace {

constexpr int kPacket = 120;
constexpr int kUdp = 121;
constexpr unsigned kBlocks = 8;
constexpr unsigned kBlockBytes = 1 << 17;
constexpr unsigned kFrameBytes = 1 << 11;
constexpr unsigned kRetireMs = 20;

tpacket_req3 ring_request() {
    tpacket_req3 request{};
    request.tp_block_size = kBlockBytes;
    request.tp_block_nr = kBlocks;
    request.tp_frame_size = kFrameBytes;
    request.tp_frame_nr = kBlockBytes / kFrameBytes * kBlocks;
    request.tp_retire_blk_tov = kRetireMs;
    return request;
}

/// A packet socket on every device, with a version 3 ring, as libpcap makes it.
void make_ring() {
    ASSERT_EQ(call(ALPINE_NR_socket_at, kPacket, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), kPacket);
    ASSERT_EQ(set_option(kPacket, SOL_PACKET, PACKET_VERSION, int{TPACKET_V3}), 0);
    ASSERT_EQ(set_option(kPacket, SOL_PACKET, PACKET_RX_RING, ring_request()), 0);
}

/// The mapping that mmap(2) of the socket would make.
class Mapping {
public:
    explicit Mapping(int fd) {
        bytes_ = call(ALPINE_NR_packet_map, fd, arg(&map_));
        EXPECT_GT(bytes_, 0);
        void* room = mmap(nullptr, static_cast<std::size_t>(bytes_), PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        EXPECT_NE(room, MAP_FAILED);
        start_ = static_cast<char*>(room);
        for (unsigned i = 0; i < map_.rx_blocks; ++i) {
            map_block(i);
        }
    }
    ~Mapping() {
        EXPECT_EQ(call(ALPINE_NR_packet_unmap, map_.handle), 0);
        munmap(start_, static_cast<std::size_t>(bytes_));
    }
    Mapping(const Mapping&) = delete;
    Mapping& operator=(const Mapping&) = delete;

    [[nodiscard]] const alpine_packet_map& map() const { return map_; }
    [[nodiscard]] long bytes() const { return bytes_; }

    [[nodiscard]] tpacket_block_desc* block(unsigned index) const {
        return reinterpret_cast<tpacket_block_desc*>(start_ + static_cast<std::size_t>(index) * map_.rx_block_bytes);
    }

private:
    void map_block(unsigned index) {
        const long address = call(ALPINE_NR_packet_block, map_.handle, index);
        ASSERT_GT(address, 0);
        char* where = start_ + static_cast<std::size_t>(index) * map_.rx_block_bytes;
        ASSERT_EQ(
            mremap(reinterpret_cast<void*>(address), 0, map_.rx_block_bytes, MREMAP_MAYMOVE | MREMAP_FIXED, where),
            where);
    }

    alpine_packet_map map_{};
    long bytes_ = 0;
    char* start_ = nullptr;
};

bool holds(const tpacket_block_desc* block, const std::string& text) {
    const auto* packet = reinterpret_cast<const char*>(block) + block->hdr.bh1.offset_to_first_pkt;
    for (unsigned i = 0; i < block->hdr.bh1.num_pkts; ++i) {
        const auto* header = reinterpret_cast<const tpacket3_hdr*>(packet);
        const std::string bytes(packet + header->tp_mac, header->tp_snaplen);
        if (bytes.find(text) != std::string::npos) {
            return true;
        }
        packet += header->tp_next_offset;
    }
    return false;
}

/// Reads the ring as libpcap does, block after block, until a packet with `text` in it has come.
bool comes_in(const Mapping& mapping, const std::string& text, unsigned* next) {
    for (int tries = 0; tries < 50; ++tries) {
        tpacket_block_desc* block = mapping.block(*next);
        if ((__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER) == 0) {
            pollfd wanted = {kPacket, POLLIN, 0};
            EXPECT_EQ(call(SYS_poll, arg(&wanted), 1, 5000), 1);
            continue;
        }
        const bool found = holds(block, text);
        __atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
        *next = (*next + 1) % mapping.map().rx_blocks;
        if (found) {
            return true;
        }
    }
    return false;
}

TEST(PacketRing, ShowsTrafficInASecondMapping) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_ring();
    make_udp_to_itself(kUdp, 7000);
    const Mapping mapping(kPacket);
    EXPECT_EQ(mapping.bytes(), static_cast<long>(kBlocks) * kBlockBytes);
    EXPECT_EQ(mapping.map().tx_blocks, 0U);
    unsigned next = 0;
    for (int i = 0; i < 3 * static_cast<int>(kBlocks); ++i) {  // round the ring and on
        const std::string text = "packet number " + std::to_string(i) + ".";
        ASSERT_EQ(call(SYS_write, kUdp, arg(text.data()), static_cast<long>(text.size())),
                  static_cast<long>(text.size()));
        ASSERT_TRUE(comes_in(mapping, text, &next)) << text;
    }
}

TEST(PacketRing, PollWakesForAPacketSentLater) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_ring();
    make_udp_to_itself(kUdp, 7000);
    std::thread sender([] {
        usleep(100'000);
        EXPECT_EQ(call(SYS_write, kUdp, arg("x"), 1), 1);
        thread_exit();
    });
    pollfd wanted = {kPacket, POLLIN, 0};
    EXPECT_EQ(call(SYS_poll, arg(&wanted), 1, 10'000), 1);
    EXPECT_NE(wanted.revents & POLLIN, 0);
    sender.join();
}

TEST(PacketRing, IsHeldWhileItIsMapped) {
    ASSERT_TRUE(start(options()).ok());
    make_ring();
    const tpacket_req3 none{};
    {
        const Mapping mapping(kPacket);
        EXPECT_EQ(set_option(kPacket, SOL_PACKET, PACKET_RX_RING, none), -EBUSY);
    }
    EXPECT_EQ(set_option(kPacket, SOL_PACKET, PACKET_RX_RING, none), 0);
}

TEST(PacketRing, OutlivesItsSocketWhileItIsMapped) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    make_ring();
    make_udp_to_itself(kUdp, 7000);
    const Mapping mapping(kPacket);
    ASSERT_EQ(call(SYS_close, kPacket), 0);
    ASSERT_EQ(call(SYS_write, kUdp, arg("kept"), 4), 4);
    const timespec retire = {0, 10L * kRetireMs * 1'000'000};
    ASSERT_EQ(call(SYS_nanosleep, arg(&retire), 0), 0);
    EXPECT_TRUE(holds(mapping.block(0), "kept"));
}

TEST(PacketRing, WrongSocketsHandlesAndBlocksAreRefused) {
    ASSERT_TRUE(start(options()).ok());
    bring_up_lo();
    alpine_packet_map map{};
    EXPECT_EQ(call(ALPINE_NR_packet_map, kPacket, arg(&map)), -EBADF);
    ASSERT_EQ(call(ALPINE_NR_socket_at, kPacket, AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), kPacket);
    EXPECT_EQ(call(ALPINE_NR_packet_map, kPacket, arg(&map)), -EINVAL) << "it has no ring";
    make_udp_to_itself(kUdp, 7000);
    EXPECT_EQ(call(ALPINE_NR_packet_map, kUdp, arg(&map)), -ENODEV);
    EXPECT_EQ(call(ALPINE_NR_packet_unmap, 7), -EBADF);
    EXPECT_EQ(call(ALPINE_NR_packet_block, 7, 0), -EBADF);
    make_ring();
    EXPECT_EQ(call(ALPINE_NR_packet_map, kPacket, 0x10), -EFAULT);
    const Mapping mapping(kPacket);
    EXPECT_EQ(call(ALPINE_NR_packet_block, mapping.map().handle, kBlocks), -EINVAL);
    const tpacket_req3 none{};
    EXPECT_EQ(set_option(kPacket, SOL_PACKET, PACKET_RX_RING, none), -EBUSY);
}

}  // namespace
}  // namespace alp::stack
