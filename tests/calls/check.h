// SPDX-License-Identifier: GPL-2.0
// What the programs in this folder share: a check that names itself, and a connected pair over loopback.
//
// Each program tests one behaviour with plain libc calls and nothing of Alpine's. It is run twice: on the host as
// it is, and under Alpine. The result must be the same.
#pragma once

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/// Ends the test with the place and the errno unless the condition holds.
#define CHECK(condition)                                                                                               \
    do {                                                                                                               \
        if (!(condition)) {                                                                                            \
            const int check_errno = errno;                                                                             \
            fprintf(stderr, "%s:%d: %s: not so (errno: %s)\n", __FILE__, __LINE__, #condition, strerror(check_errno)); \
            _exit(1);                                                                                                  \
        }                                                                                                              \
    } while (0)

/// The call fails with this errno.
#define CHECK_FAILS(call, code) \
    do {                        \
        errno = 0;              \
        CHECK((call) == -1);    \
        CHECK(errno == (code)); \
    } while (0)

/// For tests that count on lowest free numbers: whoever started us may have left descriptors open.
inline void close_inherited() { closefrom(3); }

inline sockaddr_in loopback(int port = 0) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<unsigned short>(port));
    return address;
}

inline const sockaddr* generic(const sockaddr_in& address) { return reinterpret_cast<const sockaddr*>(&address); }
inline sockaddr* generic(sockaddr_in& address) { return reinterpret_cast<sockaddr*>(&address); }

inline sockaddr_in name_of(int fd) {
    sockaddr_in address{};
    socklen_t len = sizeof(address);
    CHECK(getsockname(fd, generic(address), &len) == 0);
    return address;
}

/// A socket bound to some free port on loopback.
inline int bound(int type) {
    const int fd = socket(AF_INET, type, 0);
    CHECK(fd >= 0);
    const sockaddr_in address = loopback();
    CHECK(bind(fd, generic(address), sizeof(address)) == 0);
    return fd;
}

inline int listener() {
    const int fd = bound(SOCK_STREAM);
    CHECK(listen(fd, 64) == 0);
    return fd;
}

inline void set_option(int fd, int level, int option, int value) {
    CHECK(setsockopt(fd, level, option, &value, sizeof(value)) == 0);
}

inline int option_of(int fd, int level, int option) {
    int value = 0;
    socklen_t len = sizeof(value);
    CHECK(getsockopt(fd, level, option, &value, &len) == 0 && len == sizeof(value));
    return value;
}

constexpr int kSmallBuffers = 8192;

/// A connected TCP pair. `buffer_bytes`: fixed sizes of all its buffers; 0 lets the kernel choose.
struct Pair {
    int client;
    int server;

    explicit Pair(int buffer_bytes = 0) {
        const int listening = listener();
        const sockaddr_in address = name_of(listening);
        client = socket(AF_INET, SOCK_STREAM, 0);
        if (buffer_bytes > 0) {
            set_option(listening, SOL_SOCKET, SO_RCVBUF, buffer_bytes);  // what is accepted inherits it
            set_option(client, SOL_SOCKET, SO_SNDBUF, buffer_bytes);
        }
        CHECK(connect(client, generic(address), sizeof(address)) == 0);
        server = accept(listening, nullptr, nullptr);
        CHECK(server >= 0);
        close(listening);
    }
};

/// SO_RCVTIMEO or SO_SNDTIMEO.
inline void set_time_limit(int fd, int option, long ms) {
    const timeval limit{ms / 1000, ms % 1000 * 1000};
    CHECK(setsockopt(fd, SOL_SOCKET, option, &limit, sizeof(limit)) == 0);
}

/// Writes until the connection takes no more. With what little window is left the sender waits for its persist timer
/// (200 ms), which makes room once more; so it counts as full only when none has come for longer than that. Only a Pair
/// with fixed buffers stays full: else the receiver makes its own larger. The bytes it took.
inline size_t fill(int fd) {
    static const char block[65536] = {};
    pollfd room{fd, POLLOUT, 0};
    size_t total = 0;
    do {
        for (ssize_t done; (done = send(fd, block, sizeof(block), MSG_DONTWAIT)) > 0;) {
            total += static_cast<size_t>(done);
        }
        CHECK(errno == EAGAIN);
    } while (poll(&room, 1, 300) == 1);
    // poll() wants a third of the buffer free; a last byte may find room in less.
    while (send(fd, block, 1, MSG_DONTWAIT) == 1) {
        ++total;
    }
    return total;
}

inline long now_ms() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

inline void sleep_ms(long ms) {
    timespec time{ms / 1000, ms % 1000 * 1000000};
    nanosleep(&time, nullptr);
}
