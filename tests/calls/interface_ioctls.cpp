// SPDX-License-Identifier: GPL-2.0
// The interface ioctls (netdevice(7)) about loopback: list, address, mask, flags, MTU, index, name, hardware type.
#include <fcntl.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <sys/ioctl.h>

#include "check.h"

static ifreq named(const char* name) {
    ifreq request{};
    strncpy(request.ifr_name, name, IFNAMSIZ - 1);
    return request;
}

static in_addr_t address_in(const sockaddr& address) {
    CHECK(address.sa_family == AF_INET);
    return reinterpret_cast<const sockaddr_in&>(address).sin_addr.s_addr;
}

static void list(int fd) {
    ifconf all{};
    CHECK(ioctl(fd, SIOCGIFCONF, &all) == 0 && all.ifc_len > 0 && all.ifc_len % sizeof(ifreq) == 0);
    ifreq entries[64];
    all.ifc_len = sizeof(entries);
    all.ifc_req = entries;
    CHECK(ioctl(fd, SIOCGIFCONF, &all) == 0);
    bool found = false;
    for (size_t i = 0; i < static_cast<size_t>(all.ifc_len) / sizeof(ifreq); ++i) {
        found = found ||
                (strcmp(entries[i].ifr_name, "lo") == 0 && address_in(entries[i].ifr_addr) == htonl(INADDR_LOOPBACK));
    }
    CHECK(found);
    all.ifc_len = static_cast<int>(sizeof(ifreq)) - 1;  // room for none
    CHECK(ioctl(fd, SIOCGIFCONF, &all) == 0 && all.ifc_len == 0);
}

static void loopback_device(int fd) {
    ifreq request = named("lo");
    CHECK(ioctl(fd, SIOCGIFADDR, &request) == 0 && address_in(request.ifr_addr) == htonl(INADDR_LOOPBACK));
    CHECK(ioctl(fd, SIOCGIFNETMASK, &request) == 0 && address_in(request.ifr_netmask) == htonl(0xff000000));
    request = named("lo");
    CHECK(ioctl(fd, SIOCGIFFLAGS, &request) == 0);
    CHECK((request.ifr_flags & (IFF_UP | IFF_LOOPBACK | IFF_RUNNING)) == (IFF_UP | IFF_LOOPBACK | IFF_RUNNING));
    CHECK(ioctl(fd, SIOCGIFMTU, &request) == 0 && request.ifr_mtu == 65536);
    CHECK(ioctl(fd, SIOCGIFHWADDR, &request) == 0 && request.ifr_hwaddr.sa_family == ARPHRD_LOOPBACK);
    CHECK(ioctl(fd, SIOCGIFTXQLEN, &request) == 0 && request.ifr_qlen >= 0);
    CHECK(ioctl(fd, SIOCGIFINDEX, &request) == 0);
    const int index = request.ifr_ifindex;
    CHECK(index == 1);  // the first interface of any network namespace
    request = ifreq{};
    request.ifr_ifindex = index;
    CHECK(ioctl(fd, SIOCGIFNAME, &request) == 0 && strcmp(request.ifr_name, "lo") == 0);
}

/// libc asks a Unix socket for the index, and netlink for the list: both must mean the same devices.
static void any_socket() {
    struct if_nameindex* all = if_nameindex();
    CHECK(all != nullptr);
    const int unix_socket = socket(AF_UNIX, SOCK_DGRAM, 0);
    for (const struct if_nameindex* one = all; one->if_index != 0; ++one) {
        CHECK(if_nametoindex(one->if_name) == one->if_index);
        ifreq request{};
        request.ifr_ifindex = static_cast<int>(one->if_index);
        CHECK(ioctl(unix_socket, SIOCGIFNAME, &request) == 0 && strcmp(request.ifr_name, one->if_name) == 0);
    }
    if_freenameindex(all);
    close(unix_socket);
    const int file = open("/dev/null", O_RDONLY);
    ifreq request = named("lo");
    CHECK_FAILS(ioctl(file, SIOCGIFINDEX, &request), ENOTTY);
}

int main() {
    any_socket();
    const int fds[] = {socket(AF_INET, SOCK_DGRAM, 0), socket(AF_INET, SOCK_STREAM, 0)};
    for (const int fd : fds) {
        list(fd);
        loopback_device(fd);
        ifreq request = named("nosuch0");
        CHECK_FAILS(ioctl(fd, SIOCGIFADDR, &request), ENODEV);
        CHECK_FAILS(ioctl(fd, SIOCGIFINDEX, &request), ENODEV);
        request.ifr_ifindex = 12345;
        CHECK_FAILS(ioctl(fd, SIOCGIFNAME, &request), ENODEV);
        CHECK_FAILS(ioctl(fd, SIOCGIFFLAGS, reinterpret_cast<void*>(8)), EFAULT);
        CHECK_FAILS(ioctl(fd, SIOCGIFCONF, reinterpret_cast<void*>(8)), EFAULT);
    }
}
