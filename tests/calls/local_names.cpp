// SPDX-License-Identifier: GPL-2.0
// Names that need no name server: numeric ones and localhost by getaddrinfo, the reverse by getnameinfo; the list of
// interfaces and their numbers. libc uses sockets of its own for some of it.
#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include "check.h"

static addrinfo* resolve(const char* host, const char* service, int family, int flags) {
    addrinfo hints{}, *found = nullptr;
    hints.ai_family = family;
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = flags;
    const int error = getaddrinfo(host, service, &hints, &found);
    if (error != 0) {
        fprintf(stderr, "%s: %s\n", host != nullptr ? host : "(none)", gai_strerror(error));
        _exit(1);
    }
    return found;
}

static void addresses() {
    addrinfo* found = resolve("127.0.0.1", "80", AF_UNSPEC, AI_NUMERICHOST | AI_NUMERICSERV);
    CHECK(found->ai_family == AF_INET && found->ai_next == nullptr);
    CHECK(reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_port == htons(80));
    freeaddrinfo(found);
    found = resolve("::1", nullptr, AF_UNSPEC, 0);
    CHECK(found->ai_family == AF_INET6);
    freeaddrinfo(found);
    found = resolve(nullptr, "8080", AF_INET, AI_PASSIVE);
    CHECK(reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr.s_addr == htonl(INADDR_ANY));
    freeaddrinfo(found);
    found = resolve("localhost", "7", AF_INET, 0);
    CHECK(reinterpret_cast<sockaddr_in*>(found->ai_addr)->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
    char host[256], service[32];
    CHECK(getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof(host), service, sizeof(service),
                      NI_NUMERICHOST | NI_NUMERICSERV) == 0);
    CHECK(strcmp(host, "127.0.0.1") == 0 && strcmp(service, "7") == 0);
    freeaddrinfo(found);
    addrinfo hints{}, *none = nullptr;
    hints.ai_flags = AI_NUMERICHOST;
    CHECK(getaddrinfo("localhost", nullptr, &hints, &none) == EAI_NONAME);
    const hostent* entry = gethostbyname("127.0.0.1");
    CHECK(entry != nullptr && entry->h_addrtype == AF_INET && entry->h_addr_list[0][0] == 127);
}

static void interfaces() {
    ifaddrs* list = nullptr;
    CHECK(getifaddrs(&list) == 0);
    bool four = false, six = false, link = false;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (strcmp(entry->ifa_name, "lo") != 0 || entry->ifa_addr == nullptr) {
            continue;
        }
        CHECK((entry->ifa_flags & (IFF_UP | IFF_LOOPBACK)) == (IFF_UP | IFF_LOOPBACK));
        const auto* in = reinterpret_cast<const sockaddr_in*>(entry->ifa_addr);
        const auto* in6 = reinterpret_cast<const sockaddr_in6*>(entry->ifa_addr);
        four = four || (in->sin_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK));
        six = six || (in6->sin6_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr));
        link = link || entry->ifa_addr->sa_family == AF_PACKET;
    }
    CHECK(four && six && link);
    freeifaddrs(list);
    char name[IF_NAMESIZE];
    CHECK(if_nametoindex("lo") == 1 && strcmp(if_indextoname(1, name), "lo") == 0);
    CHECK(if_nametoindex("nosuch0") == 0 && errno == ENODEV);
    CHECK(if_indextoname(54321, name) == nullptr && errno == ENXIO);
    struct if_nameindex* all = if_nameindex();
    CHECK(all != nullptr && all[0].if_index == 1 && strcmp(all[0].if_name, "lo") == 0);
    if_freenameindex(all);
}

int main() {
    const Pair pair;  // so that there is a stack to ask
    addresses();
    interfaces();
    char byte;
    CHECK(write(pair.client, "x", 1) == 1 && read(pair.server, &byte, 1) == 1);
}
