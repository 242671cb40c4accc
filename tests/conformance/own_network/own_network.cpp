// SPDX-License-Identifier: GPL-2.0
// The wrappers of some of the kernel's tests change the network namespace with ip(8) before the program runs. Under
// Alpine each process has a stack of its own, so this library, preloaded behind libalpine.so, does it in the program's
// process, before main():
//
//   OWN_NETWORK="ADDRESS/LENGTH[,ADDRESS/LENGTH]... MTU"    gives lo these addresses and this MTU
//
// A failure is told on standard error and ends the program with code 99.
#include <arpa/inet.h>
#include <linux/ipv6.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <sstream>
#include <string>

namespace {

[[noreturn]] void fail(const std::string& what) {
    perror(what.c_str());
    _exit(99);
}

class Loopback {
public:
    Loopback() : v4_(socket(AF_INET, SOCK_DGRAM, 0)), v6_(socket(AF_INET6, SOCK_DGRAM, 0)) {}
    ~Loopback() {
        close(v4_);
        close(v6_);
    }
    Loopback(const Loopback&) = delete;
    Loopback& operator=(const Loopback&) = delete;

    void add(const std::string& address, unsigned length) const {
        in6_ifreq v6{};
        if (inet_pton(AF_INET6, address.c_str(), &v6.ifr6_addr) == 1) {
            v6.ifr6_prefixlen = length;
            v6.ifr6_ifindex = static_cast<int>(if_nametoindex("lo"));
            if (ioctl(v6_, SIOCSIFADDR, &v6) != 0) {
                fail(address);
            }
            return;
        }
        ifreq v4{};
        strcpy(v4.ifr_name, "lo:1");
        auto& as_v4 = reinterpret_cast<sockaddr_in&>(v4.ifr_addr);
        as_v4.sin_family = AF_INET;
        if (inet_pton(AF_INET, address.c_str(), &as_v4.sin_addr) != 1 || ioctl(v4_, SIOCSIFADDR, &v4) != 0) {
            fail(address);
        }
        as_v4.sin_addr.s_addr = htonl(length == 0 ? 0 : ~0U << (32 - length));
        if (ioctl(v4_, SIOCSIFNETMASK, &v4) != 0) {
            fail(address);
        }
    }

    void set_mtu(int bytes) const {
        ifreq request{};
        strcpy(request.ifr_name, "lo");
        request.ifr_mtu = bytes;
        if (ioctl(v4_, SIOCSIFMTU, &request) != 0) {
            fail("mtu");
        }
    }

private:
    int v4_, v6_;
};

[[gnu::constructor]] void before_main() {
    const char* wanted = getenv("OWN_NETWORK");
    if (wanted == nullptr) {
        return;
    }
    std::istringstream words(wanted);
    std::string addresses;
    int mtu = 0;
    words >> addresses >> mtu;
    const Loopback loopback;
    std::istringstream list(addresses);
    for (std::string address; std::getline(list, address, ',');) {
        const std::size_t slash = address.find('/');
        loopback.add(address.substr(0, slash), static_cast<unsigned>(std::stoul(address.substr(slash + 1))));
    }
    loopback.set_mtu(mtu);
}

}  // namespace
