// SPDX-License-Identifier: GPL-2.0
// stream_client ADDRESS PORT CONNECTIONS
//
// Keeps so many connections to family_server busy: on each a stream of bytes that do not repeat is sent, and what comes
// back must be the same. A connection that ends is opened again. Standard output, a line each, TIME in seconds since
// 1970:
//
//   up ID PID TIME                   connected, and served by this process
//   down ID PID TIME HOW             it has ended; HOW: end (of file), or the errno; PID 0: before it was served
//   corrupt ID PID POSITION          what came back is not what was sent: the program ends
//   at ID PID BYTES PAUSE_MS         one for each connection that is up, then `.`, as an answer to each line on
//   standard
//                                    input: bytes that have come back, the longest time without any since the last line
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <memory>
#include <vector>

namespace {

constexpr size_t kWindow = 32768;  // bytes on their way at most
constexpr long kTryAgainMs = 30;

double now() {
    timespec time{};
    clock_gettime(CLOCK_REALTIME, &time);
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

class Connection {
public:
    Connection(int epoll, const sockaddr_in& address, int id) : epoll_(epoll), address_(address), id_(id) { open(); }

    /// Does what can be done; called on events and when time has passed.
    void work() {
        if (fd_ < 0) {
            if (now() >= try_again_) {
                open();
            }
            return;
        }
        send_more();
        receive();
    }

    void report() {
        if (pid_ != 0) {
            longest_pause_ = std::max(longest_pause_, now() - last_progress_);
            printf("at %d %d %llu %.0f\n", id_, pid_, static_cast<unsigned long long>(received_), longest_pause_ * 1e3);
        }
        longest_pause_ = 0;
        last_progress_ = now();
    }

private:
    int epoll_;
    sockaddr_in address_;
    int id_;
    int fd_ = -1;
    int pid_ = 0;
    std::uint64_t generation_ = 0;  // of the stream: another for each connection
    std::uint64_t sent_ = 0, received_ = 0;
    double try_again_ = 0, last_progress_ = 0, longest_pause_ = 0;

    [[nodiscard]] char byte_at(std::uint64_t position) const {
        const std::uint64_t mixed = (position + generation_ * 0x9e3779b97f4a7c15ULL) * 0xd6e8feb86659fd93ULL;
        return static_cast<char>(mixed >> 56);
    }

    void open() {
        fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        const int one = 1;
        setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
        pid_ = 0;
        sent_ = received_ = 0;
        generation_ += 1000003;
        generation_ ^= static_cast<std::uint64_t>(id_) << 40;
        if (connect(fd_, reinterpret_cast<const sockaddr*>(&address_), sizeof(address_)) != 0 && errno != EINPROGRESS) {
            down();
            return;
        }
        epoll_event event{};
        event.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
        event.data.u32 = static_cast<std::uint32_t>(id_);
        epoll_ctl(epoll_, EPOLL_CTL_ADD, fd_, &event);
    }

    void down(bool end_of_file = false) {
        printf("down %d %d %.6f %s\n", id_, pid_, now(), end_of_file ? "end" : strerrorname_np(errno));
        close(fd_);
        fd_ = -1;
        pid_ = 0;
        try_again_ = now() + kTryAgainMs / 1e3;
    }

    void send_more() {
        char block[4096];
        while (pid_ != 0 && sent_ - received_ < kWindow) {
            const size_t len = std::min(sizeof(block), kWindow - static_cast<size_t>(sent_ - received_));
            for (size_t i = 0; i < len; ++i) {
                block[i] = byte_at(sent_ + i);
            }
            const ssize_t done = send(fd_, block, len, MSG_NOSIGNAL);
            if (done < 0) {
                return;  // receive() finds out why
            }
            sent_ += static_cast<size_t>(done);
        }
    }

    void receive() {
        for (;;) {
            char block[16384];
            const bool greeting = pid_ == 0;
            const ssize_t got = recv(fd_, block, greeting ? sizeof(pid_) : sizeof(block), 0);
            if (got <= 0) {
                if (got == 0 || (errno != EAGAIN && errno != ENOTCONN)) {
                    down(got == 0);
                }
                return;
            }
            if (greeting) {
                if (got != sizeof(pid_)) {
                    corrupt();
                }
                memcpy(&pid_, block, sizeof(pid_));
                last_progress_ = now();
                printf("up %d %d %.6f\n", id_, pid_, last_progress_);
            } else {
                check(block, static_cast<size_t>(got));
            }
            send_more();
        }
    }

    void check(const char* block, size_t len) {
        for (size_t i = 0; i < len; ++i) {
            if (received_ + i >= sent_ || block[i] != byte_at(received_ + i)) {
                received_ += i;
                corrupt();
            }
        }
        received_ += len;
        const double time = now();
        longest_pause_ = std::max(longest_pause_, time - last_progress_);
        last_progress_ = time;
    }

    [[noreturn]] void corrupt() const {
        printf("corrupt %d %d %llu\n", id_, pid_, static_cast<unsigned long long>(received_));
        fflush(stdout);
        _exit(1);
    }
};

}  // namespace

int main(int argc, char** argv) {
    if (argc != 4) {
        fprintf(stderr, "usage: %s ADDRESS PORT CONNECTIONS\n", argv[0]);
        return 2;
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<unsigned short>(atoi(argv[2])));
    inet_pton(AF_INET, argv[1], &address.sin_addr);
    const int count = atoi(argv[3]);
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    epoll_event event{};
    event.events = EPOLLIN;
    event.data.u32 = static_cast<std::uint32_t>(count);
    epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &event);
    std::vector<std::unique_ptr<Connection>> connections;
    for (int i = 0; i < count; ++i) {
        connections.push_back(std::make_unique<Connection>(epoll, address, i));
    }
    for (;;) {
        epoll_event events[64];
        const int ready = epoll_wait(epoll, events, 64, 10);
        for (int i = 0; i < ready; ++i) {
            if (events[i].data.u32 < static_cast<std::uint32_t>(count)) {
                connections[events[i].data.u32]->work();
                continue;
            }
            char line[64];
            if (read(STDIN_FILENO, line, sizeof(line)) <= 0) {
                return 0;
            }
            for (const auto& connection : connections) {
                connection->report();
            }
            puts(".");
        }
        for (const auto& connection : connections) {
            connection->work();
        }
        fflush(stdout);
    }
}
