// SPDX-License-Identifier: GPL-2.0
// sendfile() to a socket that takes only part, its offset and the file's position, and what it refuses.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/sendfile.h>

#include <string>

#include "check.h"

constexpr size_t kSize = 12'000'000;

static char byte_at(size_t i) { return static_cast<char>(i * 13 + i / 4093); }

static int make_file() {
    const int file = memfd_create("content", MFD_CLOEXEC);
    std::string content(kSize, '\0');
    for (size_t i = 0; i < kSize; ++i) {
        content[i] = byte_at(i);
    }
    CHECK(file >= 0 && write(file, content.data(), kSize) == static_cast<ssize_t>(kSize));
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    return file;
}

static size_t check_received(int fd, size_t position) {
    static char buffer[1 << 18];
    ssize_t got;
    while ((got = recv(fd, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0) {
        for (size_t i = 0; i < static_cast<size_t>(got); ++i) {
            CHECK(buffer[i] == byte_at(position + i));
        }
        position += static_cast<size_t>(got);
    }
    return position;
}

/// One thread on both ends: each call sends what there is room for, then EAGAIN; nothing is sent twice or lost.
static void piece_by_piece(int file, bool by_offset) {
    const Pair pair;
    CHECK(fcntl(pair.client, F_SETFL, O_NONBLOCK) == 0);
    CHECK(lseek(file, 0, SEEK_SET) == 0);
    off_t offset = 0;
    size_t received = 0;
    int refused = 0;
    while (received < kSize) {
        const off_t before = by_offset ? offset : lseek(file, 0, SEEK_CUR);
        const ssize_t sent = sendfile(pair.client, file, by_offset ? &offset : nullptr, kSize);
        const off_t after = by_offset ? offset : lseek(file, 0, SEEK_CUR);
        if (sent < 0) {
            CHECK(errno == EAGAIN && after == before);
            ++refused;
            received = check_received(pair.server, received);
            pollfd entries[2] = {{pair.client, POLLOUT, 0}, {pair.server, POLLIN, 0}};
            CHECK(poll(entries, 2, 2000) >= 1);
        } else {
            CHECK(after == before + sent);
            if (sent == 0) {
                received = check_received(pair.server, received);
            }
        }
    }
    CHECK(received == kSize && refused > 0);
    CHECK((by_offset ? offset : lseek(file, 0, SEEK_CUR)) == static_cast<off_t>(kSize));
    if (by_offset) {
        CHECK(lseek(file, 0, SEEK_CUR) == 0);  // the file's own position is not used
    }
    close(pair.client);
    close(pair.server);
}

static void refusals(int file) {
    const Pair pair;
    off_t offset = -1;
    CHECK_FAILS(sendfile(pair.client, file, &offset, 10), EINVAL);
    CHECK_FAILS(sendfile(pair.client, file, reinterpret_cast<off_t*>(8), 10), EFAULT);
    offset = static_cast<off_t>(kSize) + 5;
    CHECK(sendfile(pair.client, file, &offset, 10) == 0 && offset == static_cast<off_t>(kSize) + 5);
    offset = 0;
    CHECK(sendfile(pair.client, file, &offset, 0) == 0 && offset == 0);
    CHECK_FAILS(sendfile(pair.client, pair.server, nullptr, 10), EINVAL);
    CHECK_FAILS(sendfile(pair.client, 999, nullptr, 10), EBADF);
    CHECK_FAILS(sendfile(999, file, nullptr, 10), EBADF);
    const int write_only = open("/dev/null", O_WRONLY);
    CHECK_FAILS(sendfile(pair.client, write_only, nullptr, 10), EBADF);
    CHECK_FAILS(sendfile(pair.client, open("/", O_RDONLY), nullptr, 10), EINVAL);
    CHECK_FAILS(sendfile(socket(AF_INET, SOCK_STREAM, 0), file, &offset, 10), EPIPE);
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    CHECK_FAILS(sendfile(pair.client, file, &offset, 10), EPIPE);
    CHECK(offset == 0);
}

/// From one file to another, with sockets about: the host's business.
static void beside(int file) {
    const int copy = memfd_create("copy", 0);
    off_t offset = 100;
    CHECK(sendfile(copy, file, &offset, 1000) == 1000 && offset == 1100);
    char byte;
    CHECK(pread(copy, &byte, 1, 999) == 1 && byte == byte_at(1099));
}

int main() {
    signal(SIGPIPE, SIG_IGN);
    const int file = make_file();
    piece_by_piece(file, true);
    piece_by_piece(file, false);
    refusals(file);
    beside(file);
}
