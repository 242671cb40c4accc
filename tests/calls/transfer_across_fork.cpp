// SPDX-License-Identifier: GPL-2.0
// sendfile and splice on sockets that processes share: parts of a file sent by parent and child in turn come in turn;
// what a child splices from a socket into a pipe the parent reads from the pipe; tee and splice onwards.
#include <fcntl.h>
#include <sys/sendfile.h>

#include <string>

#include "children.h"

static std::string read_all(int fd, size_t len) {
    std::string text(len, '\0');
    size_t got = 0;
    while (got < len) {
        const ssize_t more = read(fd, text.data() + got, len - got);
        CHECK(more > 0);
        got += static_cast<size_t>(more);
    }
    return text;
}

int main() {
    close_inherited();
    limit_time();
    char name[] = "/tmp/transfer-XXXXXX";
    const int file = mkstemp(name);
    CHECK(file >= 0 && unlink(name) == 0);
    std::string text;
    for (int i = 0; i < 4000; ++i) {
        text += std::to_string(i) + " ";
    }
    CHECK(write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) && lseek(file, 0, SEEK_SET) == 0);

    // The file's position is shared as well.
    const Pair pair;
    constexpr size_t kPart = 1000;
    const Bell turn;
    for (size_t at = 0; at < 8 * kPart; at += 2 * kPart) {
        child_does([&] { CHECK(sendfile(pair.client, file, nullptr, kPart) == kPart); });
        CHECK(sendfile(pair.client, file, nullptr, kPart) == kPart);
    }
    CHECK(read_all(pair.server, 8 * kPart) == text.substr(0, 8 * kPart));

    int pipes[2];
    CHECK(pipe(pipes) == 0);
    pid_t child = in_child([&] {
        for (size_t left = kPart; left > 0;) {
            const ssize_t moved = splice(pair.server, nullptr, pipes[1], nullptr, left, SPLICE_F_MOVE);
            CHECK(moved > 0);
            left -= static_cast<size_t>(moved);
        }
    });
    sleep_ms(30);
    say(pair.client, text.substr(0, kPart).c_str());
    CHECK(read_all(pipes[0], kPart) == text.substr(0, kPart));
    expect_success(child);

    // From the pipe to a socket, while another process reads from that; end of file comes through.
    child = in_child([&] {
        CHECK(close(pipes[1]) == 0 && close(pair.client) == 0);
        CHECK(read_all(pair.server, 2 * kPart) == text.substr(0, 2 * kPart));
        hear_end(pair.server);
    });
    const pid_t writer = in_child([&] { say(pipes[1], text.substr(0, 2 * kPart).c_str()); });
    CHECK(close(pipes[1]) == 0);
    size_t total = 0;
    for (ssize_t moved; (moved = splice(pipes[0], nullptr, pair.client, nullptr, 65536, 0)) > 0;) {
        total += static_cast<size_t>(moved);
    }
    CHECK(total == 2 * kPart);
    CHECK(close(pair.client) == 0);
    expect_success(writer);
    expect_success(child);
}
