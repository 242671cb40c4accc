// SPDX-License-Identifier: GPL-2.0
// leaving_together ADDRESS PORT PROCESSES BYTES: as many processes, each with a connection of its own, send so much and
// all end in the same moment.
#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <string>
#include <vector>

namespace {

long now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1'000'000'000 + now.tv_nsec;
}

constexpr long kAllHaveSentNs = 100'000'000; /* 100 ms */

void send_and_end(int fd, const std::string& data, long end_ns) {
    const bool sent = write(fd, data.data(), data.size()) == static_cast<ssize_t>(data.size());
    while (now_ns() < end_ns) {
    }
    _exit(sent ? 0 : 1);
}

}  // namespace

int main(int count, char** words) {
    if (count != 5) {
        return 2;
    }
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<unsigned short>(atoi(words[2])));
    inet_pton(AF_INET, words[1], &to.sin_addr);
    std::vector<int> links(static_cast<std::size_t>(atoi(words[3])));
    for (int& link : links) {
        link = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(link, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) != 0) {
            return 1;
        }
    }
    const std::string data(static_cast<std::size_t>(atoi(words[4])), 'x');
    const long end_ns = now_ns() + kAllHaveSentNs;
    for (std::size_t i = 1; i < links.size(); ++i) {
        if (fork() == 0) {
            send_and_end(links[i], data, end_ns);
        }
        close(links[i]);
    }
    send_and_end(links[0], data, end_ns);
}
