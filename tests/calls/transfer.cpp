// SPDX-License-Identifier: GPL-2.0
// sendfile and splice between files, pipes and a socket: the bytes, the offsets, the refusals.
#include <fcntl.h>
#include <sys/sendfile.h>

#include <string>
#include <thread>

#include "check.h"

static std::string read_exactly(int fd, size_t len) {
    std::string data(len, '\0');
    for (size_t have = 0; have < len;) {
        const ssize_t got = read(fd, data.data() + have, len - have);
        CHECK(got > 0);
        have += static_cast<size_t>(got);
    }
    return data;
}

int main() {
    const Pair pair;
    char name[] = "/tmp/alpine-transfer-XXXXXX";
    const int file = mkstemp(name);
    unlink(name);
    std::string content(300000, '\0');
    for (size_t i = 0; i < content.size(); ++i) {
        content[i] = static_cast<char>(i * 7 + i / 251);
    }
    CHECK(write(file, content.data(), content.size()) == static_cast<ssize_t>(content.size()));

    std::string received;
    std::thread reader([&] { received = read_exactly(pair.server, content.size() - 1000 + 10); });
    off_t offset = 1000;
    while (offset < static_cast<off_t>(content.size())) {
        CHECK(sendfile(pair.client, file, &offset, content.size()) > 0);
    }
    CHECK(sendfile(pair.client, file, &offset, 10) == 0);
    CHECK(lseek(file, 0, SEEK_CUR) == static_cast<off_t>(content.size()));
    CHECK(lseek(file, 5, SEEK_SET) == 5);
    CHECK(sendfile(pair.client, file, nullptr, 10) == 10);
    CHECK(lseek(file, 0, SEEK_CUR) == 15);
    reader.join();
    CHECK(received == content.substr(1000) + content.substr(5, 10));

    int ends[2];
    CHECK(pipe(ends) == 0);
    CHECK_FAILS(sendfile(pair.client, ends[0], nullptr, 10), EINVAL);
    CHECK_FAILS(sendfile(file, pair.client, nullptr, 10), EINVAL);
    CHECK(write(ends[1], "spliced", 7) == 7);
    CHECK(splice(ends[0], nullptr, pair.client, nullptr, 100, 0) == 7);
    CHECK(splice(pair.server, nullptr, ends[1], nullptr, 100, 0) == 7);
    CHECK(read_exactly(ends[0], 7) == "spliced");
    CHECK(fcntl(pair.server, F_SETFL, O_NONBLOCK) == 0);
    CHECK_FAILS(splice(pair.server, nullptr, ends[1], nullptr, 100, 0), EAGAIN);
    CHECK_FAILS(splice(ends[0], nullptr, pair.client, nullptr, 100, SPLICE_F_NONBLOCK), EAGAIN);
    CHECK_FAILS(splice(file, nullptr, pair.client, nullptr, 100, 0), EINVAL);
    CHECK_FAILS(tee(ends[0], pair.client, 100, 0), EINVAL);
}
