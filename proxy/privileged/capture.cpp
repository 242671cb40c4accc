// SPDX-License-Identifier: GPL-2.0
// The pseudo device "any" gives packets in "cooked" form: a header of libpcap's (LINKTYPE_LINUX_SLL2) that names the
// device, and behind it the packet as the network layer sees it. Its socket is an AF_PACKET one of type SOCK_DGRAM.
//
// libpcap has its socket filtered by pcap_setfilter(), which first lets nothing through and empties the socket: right
// for who looks at traffic, a loss for who lives on it. So the filter is attached here (socket(7), SO_ATTACH_FILTER).
#include "proxy/privileged/capture.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <pcap/sll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace alp::proxy {
namespace {

constexpr int snapshot_bytes = 40 + 65535 + 20; /* the largest IPv6 packet and libpcap's header */
constexpr int ring_bytes = 32 << 20;

constexpr std::array<sock_filter, 1> nothing = {{BPF_STMT(BPF_RET | BPF_K, 0)}};

#ifndef PACKET_IGNORE_OUTGOING
constexpr int PACKET_IGNORE_OUTGOING = 23; /* <linux/if_packet.h> since Linux 4.20 */
#endif

Error failed(pcap_t* pcap, int status) {
    const int code = status == PCAP_ERROR_PERM_DENIED ? EPERM : EIO;
    return Error{code, std::string("cannot capture for the classic wire: ") + pcap_statustostr(status) + ", " +
                           pcap_geterr(pcap) + ": run alpined as root (CAP_NET_RAW)"};
}

void handle(u_char* handler, const pcap_pkthdr* header, const u_char* bytes) {
    sll2_header link{};
    if (header->caplen <= sizeof(link)) {
        return;
    }
    std::memcpy(&link, bytes, sizeof(link));
    (*reinterpret_cast<const Capture::Handler*>(handler))(ntohl(link.sll2_if_index), link.sll2_pkttype,
                                                          {bytes + sizeof(link), header->caplen - sizeof(link)});
}

}  // namespace

Result<Capture> Capture::open() {
    std::array<char, PCAP_ERRBUF_SIZE> why{};
    Pcap pcap(pcap_create("any", why.data()), pcap_close);
    if (!pcap) {
        return Error{EIO, std::string("libpcap: ") + why.data()};
    }
    pcap_set_snaplen(pcap.get(), snapshot_bytes);
    pcap_set_immediate_mode(pcap.get(), 1);
    pcap_set_buffer_size(pcap.get(), ring_bytes);
    if (const int status = pcap_activate(pcap.get()); status < 0) {
        return failed(pcap.get(), status);
    }
    Capture capture(std::move(pcap));
    if (auto silent = capture.set_filter(nothing); !silent) {
        return silent.error();
    }
    const int own = 1;
    setsockopt(capture.fd(), SOL_PACKET, PACKET_IGNORE_OUTGOING, &own, sizeof(own));  // the filter drops them, too
    if (pcap_set_datalink(capture.pcap_.get(), DLT_LINUX_SLL2) != 0 ||
        pcap_setnonblock(capture.pcap_.get(), 1, why.data()) != 0) {
        return Error{EIO, std::string("libpcap: ") + pcap_geterr(capture.pcap_.get())};
    }
    return capture;
}

Result<void> Capture::set_filter(std::span<const sock_filter> filter) {
    const sock_fprog program{static_cast<unsigned short>(filter.size()), const_cast<sock_filter*>(filter.data())};
    if (setsockopt(fd(), SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) != 0) {
        return Error{errno, "the kernel does not take the capture filter"};
    }
    return {};
}

void Capture::read(int limit, const Handler& handler) {
    pcap_dispatch(pcap_.get(), limit, handle, reinterpret_cast<u_char*>(const_cast<Handler*>(&handler)));
}

}  // namespace alp::proxy
