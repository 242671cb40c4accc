// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/tun.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>
#include <utility>

#include "base/tun_offloads.h"
#include "proxy/privileged/link.h"
#include "proxy/privileged/sysctl.h"

namespace alp::proxy {
namespace {

// <linux/if_tun.h> since Linux 5.1.
#ifndef TUNGETDEVNETNS
#define TUNGETDEVNETNS _IO('T', 227)
#endif

// Local traffic comes in packets as large as lo's.
constexpr int tun_mtu_bytes = 65535; /* the most that a TUN takes */

const char* const tun_path = "/dev/net/tun";
const std::string name_prefix = "alp";

ifreq request_for(const std::string& ifname) {
    ifreq request{};
    ifname.copy(request.ifr_name, IFNAMSIZ - 1);
    return request;
}

Result<UniqueFd> open_tun() {
    UniqueFd file(open(tun_path, O_RDWR | O_CLOEXEC | O_NONBLOCK));
    if (file.valid()) {
        return file;
    }
    const int code = errno;
    if (code == ENOENT || code == ENODEV) {
        return Error{code, "no /dev/net/tun: load the driver with 'modprobe tun'"};
    }
    return Error{code, "cannot open /dev/net/tun: run alpined as root"};
}

Result<std::string> create_device(int file) {
    ifreq request = request_for(name_prefix + "%d");
    request.ifr_flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR;
    if (ioctl(file, TUNSETIFF, &request) != 0) {
        return Error{errno, "cannot make a TUN device: run alpined as root (CAP_NET_ADMIN)"};
    }
    return std::string(request.ifr_name);
}

Result<void> set_offloads(int file) {
    if (ioctl(file, TUNSETOFFLOAD, kTunOffloadsWithUdp) == 0 || ioctl(file, TUNSETOFFLOAD, kTunOffloads) == 0) {
        return {};
    }
    return Error{errno, "cannot set the offloads of a TUN device"};
}

Result<void> set_mtu(const std::string& ifname) {
    const UniqueFd control(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    ifreq request = request_for(ifname);
    request.ifr_mtu = tun_mtu_bytes;
    if (ioctl(control.get(), SIOCSIFMTU, &request) != 0) {
        return Error{errno, "cannot set the MTU of " + ifname};
    }
    return {};
}

/// Only a TUN's fdinfo names an interface. Asked of procfs, because an ioctl (or fstat) on a file of whatever kind a
/// client may send can keep us waiting for ever.
bool is_tun_queue(int file) {
    const std::string path = "/proc/self/fdinfo/" + std::to_string(file);
    const UniqueFd info(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 1024> text{};
    const ssize_t length = info.valid() ? read(info.get(), text.data(), text.size()) : -1;
    return length > 0 &&
           std::string_view(text.data(), static_cast<std::size_t>(length)).find("\niff:\t") != std::string_view::npos;
}

bool is_own_namespace(const UniqueFd& netns) {
    struct stat theirs {};
    struct stat ours {};
    return netns.valid() && fstat(netns.get(), &theirs) == 0 && stat("/proc/self/ns/net", &ours) == 0 &&
           theirs.st_dev == ours.st_dev && theirs.st_ino == ours.st_ino;
}

}  // namespace

Result<TunIdentity> identify_tun(int file) {
    ifreq request{};
    if (!is_tun_queue(file) || ioctl(file, TUNGETIFF, &request) != 0) {
        return Error{EBADF, "the descriptor is no queue of a TUN device"};
    }
    if (!is_own_namespace(UniqueFd(ioctl(file, TUNGETDEVNETNS)))) {
        return Error{EXDEV, "the TUN device is in another network namespace than alpined"};
    }
    request.ifr_name[IFNAMSIZ - 1] = '\0';
    TunIdentity identity{if_nametoindex(request.ifr_name), request.ifr_name};
    if (identity.ifindex == 0) {
        return Error{EBADF, "the TUN device is gone"};
    }
    return identity;
}

Result<void> check_tun_available() {
    const auto file = open_tun();
    if (!file) {
        return file.error();
    }
    const auto probe = create_device(file.value().get());  // gone again with the file
    return probe ? Result<void>() : probe.error();
}

bool is_tun_name(const std::string& ifname) {
    return ifname.size() > name_prefix.size() && ifname.compare(0, name_prefix.size(), name_prefix) == 0 &&
           ifname.find_first_not_of("0123456789", name_prefix.size()) == std::string::npos;
}

Result<Tun> Tun::make() {
    auto file = open_tun();
    if (!file) {
        return file.error();
    }
    const auto ifname = create_device(file.value().get());
    if (!ifname) {
        return ifname.error();
    }
    Tun tun(std::move(file).value(), ifname.value());
    tun.ifindex_ = if_nametoindex(tun.ifname_.c_str());
    for (const auto& step : {set_offloads(tun.queue()), set_mtu(tun.ifname_), set_tun_sysctls(tun.ifname_)}) {
        if (!step) {
            return step.error();
        }
    }
    return tun;
}

Tun Tun::adopt(UniqueFd queue, const TunIdentity& identity) {
    Tun tun(std::move(queue), identity.ifname);
    tun.ifindex_ = identity.ifindex;
    return tun;
}

Tun::Tun(Tun&& other) noexcept
    : queue_(std::move(other.queue_)), ifname_(std::move(other.ifname_)), ifindex_(std::exchange(other.ifindex_, 0)) {}

Result<void> Tun::bring_up() { return set_link_up(ifname_); }

// The client has a copy of the queue, may have passed it on, and may even have made the device persistent: closing
// our copy would not be enough.
Tun::~Tun() {
    if (ifindex_ != 0) {
        delete_link(ifindex_);
    }
}

}  // namespace alp::proxy
