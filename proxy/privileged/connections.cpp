// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/connections.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include <array>
#include <cerrno>
#include <ctime>
#include <memory>

namespace alp::proxy {
namespace {

constexpr unsigned new_syn_recv = 12; /* TCP_NEW_SYN_RECV, net/tcp_states.h of the kernel */
constexpr unsigned connected_states = 1U << TCP_ESTABLISHED | 1U << TCP_SYN_SENT | 1U << TCP_SYN_RECV |
                                      1U << TCP_FIN_WAIT1 | 1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT |
                                      1U << TCP_LAST_ACK | 1U << TCP_CLOSING | 1U << new_syn_recv;

using Netlink = std::unique_ptr<mnl_socket, int (*)(mnl_socket*)>;

/// The program of a dump for one local port: each comparison has its operand in the instruction behind it, and where it
/// fails goes past the end.
std::array<inet_diag_bc_op, 4> only_port(std::uint16_t port) {
    constexpr unsigned op = sizeof(inet_diag_bc_op);
    constexpr unsigned past_end = 4;
    std::array<inet_diag_bc_op, 4> program{};
    program[0] = {INET_DIAG_BC_S_GE, 2 * op, 4 * op + past_end};
    program[1].no = port;
    program[2] = {INET_DIAG_BC_S_LE, 2 * op, 2 * op + past_end};
    program[3].no = port;
    return program;
}

int count_one(const nlmsghdr*, void* count) {
    ++*static_cast<unsigned*>(count);
    return MNL_CB_OK;
}

Result<unsigned> count_connections(mnl_socket* netlink, std::uint8_t family, std::uint16_t port) {
    alignas(nlmsghdr) std::array<char, 16384> buffer{};
    nlmsghdr* request = mnl_nlmsg_put_header(buffer.data());
    request->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    request->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    request->nlmsg_seq = family;
    auto* wanted = static_cast<inet_diag_req_v2*>(mnl_nlmsg_put_extra_header(request, sizeof(inet_diag_req_v2)));
    wanted->sdiag_family = family;
    wanted->sdiag_protocol = IPPROTO_TCP;
    wanted->idiag_states = connected_states;
    const auto program = only_port(port);
    mnl_attr_put(request, INET_DIAG_REQ_BYTECODE, sizeof(program), program.data());
    if (mnl_socket_sendto(netlink, request, request->nlmsg_len) < 0) {
        return Error{errno, "sock_diag"};
    }
    unsigned count = 0;
    for (int more = MNL_CB_OK; more == MNL_CB_OK;) {
        const ssize_t length = mnl_socket_recvfrom(netlink, buffer.data(), buffer.size());
        more = length < 0 ? MNL_CB_ERROR
                          : mnl_cb_run(buffer.data(), static_cast<std::size_t>(length), family,
                                       mnl_socket_get_portid(netlink), count_one, &count);
        if (more == MNL_CB_ERROR) {
            return Error{errno, "sock_diag"};
        }
    }
    return count;
}

}  // namespace

Result<bool> host_has_connections(std::uint16_t port_be) {
    const Netlink netlink(mnl_socket_open2(NETLINK_SOCK_DIAG, SOCK_CLOEXEC), mnl_socket_close);
    if (!netlink || mnl_socket_bind(netlink.get(), 0, MNL_SOCKET_AUTOPID) < 0) {
        return Error{errno, "sock_diag"};
    }
    for (const std::uint8_t family : {AF_INET, AF_INET6}) {
        const auto count = count_connections(netlink.get(), family, ntohs(port_be));
        if (!count) {
            return count.error();
        }
        if (count.value() != 0) {
            return true;
        }
    }
    return false;
}

}  // namespace alp::proxy
