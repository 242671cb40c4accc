// SPDX-License-Identifier: GPL-2.0
// splice() through a pipe, as a proxy does it: megabytes from one connection to another, end of file, nothing to
// take, and what splice, tee and vmsplice refuse.
#include <fcntl.h>
#include <signal.h>
#include <sys/uio.h>

#include <string>
#include <thread>

#include "check.h"

constexpr size_t kSize = 4'000'000;

static char byte_at(size_t i) { return static_cast<char>(i * 11 + i / 997); }

static void send_pattern(int fd) {
    std::string block(kSize, '\0');
    for (size_t i = 0; i < kSize; ++i) {
        block[i] = byte_at(i);
    }
    CHECK(write(fd, block.data(), kSize) == static_cast<ssize_t>(kSize));
    CHECK(shutdown(fd, SHUT_WR) == 0);
}

static void receive_pattern(int fd) {
    static char buffer[65536];
    size_t position = 0;
    for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
        for (ssize_t i = 0; i < got; ++i) {
            CHECK(buffer[i] == byte_at(position++));
        }
    }
    CHECK(position == kSize);
}

static void proxy() {
    const Pair in, out;
    int ends[2];
    CHECK(pipe(ends) == 0);
    std::thread sender(send_pattern, in.client), receiver(receive_pattern, out.client);
    for (;;) {
        const ssize_t have = splice(in.server, nullptr, ends[1], nullptr, 1 << 20, SPLICE_F_MOVE | SPLICE_F_MORE);
        CHECK(have >= 0);
        if (have == 0) {
            break;
        }
        for (ssize_t left = have; left > 0;) {
            const ssize_t done = splice(ends[0], nullptr, out.server, nullptr, static_cast<size_t>(left), 0);
            CHECK(done > 0);
            left -= done;
        }
    }
    CHECK(splice(in.server, nullptr, ends[1], nullptr, 100, 0) == 0);
    CHECK(shutdown(out.server, SHUT_WR) == 0);
    sender.join();
    receiver.join();
}

static void empty_and_full() {
    const Pair pair;
    int ends[2];
    CHECK(pipe2(ends, O_NONBLOCK) == 0);
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    CHECK_FAILS(splice(pair.server, nullptr, ends[1], nullptr, 100, 0), EAGAIN);
    CHECK_FAILS(splice(ends[0], nullptr, pair.client, nullptr, 100, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK(splice(pair.server, nullptr, ends[1], nullptr, 0, 0) == 0);
    CHECK(write(pair.client, "abc", 3) == 3);
    while (write(ends[1], "0123456789abcdef", 16) == 16) {
    }
    CHECK_FAILS(splice(pair.server, nullptr, ends[1], nullptr, 100, SPLICE_F_NONBLOCK), EAGAIN);
    char buffer[8];
    CHECK(recv(pair.server, buffer, sizeof(buffer), 0) == 3);  // it is still there
    CHECK(close(ends[1]) == 0);
    while (read(ends[0], buffer, sizeof(buffer)) > 0) {
    }
    CHECK(splice(ends[0], nullptr, pair.client, nullptr, 100, 0) == 0);  // no writer, nothing in it
}

static void refusals() {
    const Pair pair;
    int ends[2], others[2];
    CHECK(pipe(ends) == 0 && pipe(others) == 0);
    loff_t offset = 0;
    CHECK(write(pair.client, "abc", 3) == 3 && write(ends[1], "xyz", 3) == 3);
    CHECK_FAILS(splice(pair.server, nullptr, pair.client, nullptr, 3, 0), EINVAL);
    CHECK_FAILS(splice(pair.server, &offset, ends[1], nullptr, 3, 0), EINVAL);
    CHECK_FAILS(splice(ends[0], nullptr, pair.client, &offset, 3, 0), EINVAL);
    CHECK_FAILS(splice(ends[0], &offset, pair.client, nullptr, 3, 0), ESPIPE);
    CHECK_FAILS(splice(pair.server, nullptr, ends[1], nullptr, 3, 0xff00), EINVAL);
    CHECK_FAILS(splice(ends[1], nullptr, pair.client, nullptr, 3, 0), EBADF);  // not open for reading
    CHECK_FAILS(splice(pair.server, nullptr, ends[0], nullptr, 3, 0), EBADF);
    CHECK_FAILS(splice(999, nullptr, pair.client, nullptr, 3, 0), EBADF);
    CHECK_FAILS(splice(ends[0], nullptr, listener(), nullptr, 3, 0), EPIPE);
    CHECK_FAILS(tee(pair.server, ends[1], 3, 0), EINVAL);
    CHECK_FAILS(tee(ends[0], pair.client, 3, 0), EINVAL);
    char bytes[] = "v";
    iovec vector{bytes, 1};
    CHECK_FAILS(vmsplice(pair.client, &vector, 1, 0), EBADF);
    CHECK(tee(ends[0], others[1], 3, 0) == 3);  // pipes among themselves
    CHECK(splice(others[0], nullptr, ends[1], nullptr, 3, 0) == 3);
    char buffer[8];
    CHECK(read(ends[0], buffer, sizeof(buffer)) == 6 && read(pair.server, buffer, sizeof(buffer)) == 3);
}

int main() {
    signal(SIGPIPE, SIG_IGN);
    proxy();
    empty_and_full();
    refusals();
}
