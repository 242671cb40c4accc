// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/link.h"

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <memory>

#include "base/unique_fd.h"
#include "proxy/log.h"

namespace alp::proxy {
namespace {

using Netlink = std::unique_ptr<mnl_socket, decltype(&mnl_socket_close)>;

Result<void> ask_kernel(const nlmsghdr* request) {
    const Netlink netlink(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC), mnl_socket_close);
    std::array<char, 4096> answer{};
    if (!netlink || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(netlink.get(), request, request->nlmsg_len) < 0) {
        return Error{errno, "rtnetlink"};
    }
    const ssize_t length = mnl_socket_recvfrom(netlink.get(), answer.data(), answer.size());
    if (length < 0 || mnl_cb_run(answer.data(), static_cast<std::size_t>(length), request->nlmsg_seq,
                                 mnl_socket_get_portid(netlink.get()), nullptr, nullptr) < 0) {
        return Error{errno, "rtnetlink"};
    }
    return {};
}

}  // namespace

Result<void> set_link_up(const std::string& ifname) {
    const UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request{};
    ifname.copy(request.ifr_name, IFNAMSIZ - 1);
    if (ioctl(control.get(), SIOCGIFFLAGS, &request) == 0) {
        request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
        if (ioctl(control.get(), SIOCSIFFLAGS, &request) == 0) {
            return {};
        }
    }
    return Error{errno, "cannot bring up " + ifname};
}

void delete_link(unsigned ifindex) {
    std::array<char, 256> buffer{};
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = RTM_DELLINK;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
    request->nlmsg_seq = 1;
    auto* link = static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(request, sizeof(ifinfomsg)));
    link->ifi_index = static_cast<int>(ifindex);
    if (auto deleted = ask_kernel(request); !deleted && deleted.error().code != ENODEV) {
        log(LogLevel::error, "cannot delete device {}: {}", ifindex, deleted.error().message());
    }
}

}  // namespace alp::proxy
