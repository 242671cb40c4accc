// SPDX-License-Identifier: GPL-2.0
// bench_lwip DEVICE OWN GATEWAY bulk|rtt ADDRESS PORT AMOUNT
//
// What bench/programs do, by lwIP (Debian's liblwip, with the settings it is built with) on a TAP device that is up
// already: sends for AMOUNT seconds, or makes AMOUNT round trips of one byte. Prints one JSON object.
extern "C" {  // not all of its headers say so themselves
#include <lwip/init.h>
#include <lwip/netif.h>
#include <lwip/sockets.h>
#include <lwip/tcpip.h>
#include <netif/tapif.h>
}
#include <netinet/tcp.h>

#include <chrono>
#include <cstring>
#include <future>
#include <string>
#include <vector>

#include "bench/programs/cpu_time.h"
#include "bench/programs/latency.h"

namespace {

using Clock = std::chrono::steady_clock;
using alp::bench::CpuMeter;

constexpr std::size_t kMessage_bytes = 1 << 16;

[[noreturn]] void die(const char* what) {
    std::fprintf(stderr, "lwIP: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

ip4_addr_t address_of(const char* text) {
    ip4_addr_t address{};
    if (ip4addr_aton(text, &address) == 0) {
        die(text);
    }
    return address;
}

/// Its threads, and one interface on the device.
void start_stack(const char* device, const char* own, const char* gateway) {
    ::setenv("PRECONFIGURED_TAPIF", device, 1);
    std::promise<void> started;
    tcpip_init([](void* promise) { static_cast<std::promise<void>*>(promise)->set_value(); }, &started);
    started.get_future().wait();
    static netif interface;
    const ip4_addr_t address = address_of(own), mask = address_of("255.255.255.0"), router = address_of(gateway);
    LOCK_TCPIP_CORE();
    if (netif_add(&interface, &address, &mask, &router, nullptr, tapif_init, tcpip_input) == nullptr) {
        die(device);
    }
    netif_set_default(&interface);
    netif_set_link_up(&interface);
    netif_set_up(&interface);
    UNLOCK_TCPIP_CORE();
}

int connected_socket(const char* address, const char* port) {
    const int fd = lwip_socket(AF_INET, SOCK_STREAM, 0);
    const int one = 1;
    sockaddr_in peer{};
    peer.sin_family = AF_INET;
    peer.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    peer.sin_addr.s_addr = address_of(address).addr;
    if (fd < 0 || lwip_connect(fd, reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0) {
        die("connect");
    }
    lwip_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

void bulk(int fd, double seconds) {
    const std::vector<char> message(kMessage_bytes);
    const CpuMeter cpu;
    const auto start = Clock::now();
    while (seconds_since(start) < seconds) {
        if (lwip_send(fd, message.data(), message.size(), 0) < 0) {
            die("send");
        }
    }
    std::printf("{\"seconds\": %.4f, %s}\n", seconds_since(start), cpu.json().c_str());
}

double round_trip_us(int fd) {
    char byte = 'x';
    const auto start = Clock::now();
    if (lwip_send(fd, &byte, 1, 0) != 1 || lwip_recv(fd, &byte, 1, 0) != 1) {
        die("round trip");
    }
    return seconds_since(start) * 1e6;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string what = argc == 8 ? argv[4] : "";
    if (what != "bulk" && what != "rtt") {
        std::fprintf(stderr, "usage: %s DEVICE OWN GATEWAY bulk|rtt ADDRESS PORT AMOUNT\n", argv[0]);
        return 2;
    }
    start_stack(argv[1], argv[2], argv[3]);
    const int fd = connected_socket(argv[5], argv[6]);
    if (what == "bulk") {
        bulk(fd, std::strtod(argv[7], nullptr));
    } else {
        alp::bench::measure_round_trips([fd] { return round_trip_us(fd); }, std::strtoul(argv[7], nullptr, 10));
    }
    lwip_close(fd);
    std::fflush(stdout);
    ::usleep(300'000);  // what is left goes out, and with it the end of the connection
    ::_exit(0);         // its threads do not end
}
