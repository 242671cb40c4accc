// SPDX-License-Identifier: GPL-2.0
// family_server PORT WORKERS
//
// A server of WORKERS + 1 processes on one listener, which any of them may lose at any time. Each accepts, says who it
// is (its process number, 4 bytes), and sends back what it gets. The first process starts another for each that dies;
// when it has died itself, the others go on.
//
// Standard output, a line each: `member PID` when one begins; `aborted PID ERRNO CALL` when one is told by a call that
// its stack is no more, and ends.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <thread>
#include <unordered_map>

namespace {

constexpr int kMaxEvents = 64;

/// Lines of several processes must not mix: one write each.
void say(const char* text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) {
        _exit(2);
    }
}

[[noreturn]] void aborted(const char* call) {
    char line[80];
    snprintf(line, sizeof(line), "aborted %d %s %s\n", getpid(), strerrorname_np(errno), call);
    say(line);
    _exit(3);
}

struct Connection {
    int fd;
    size_t begin = 0, end = 0;  // of what is to be sent back
    char buffer[16384];

    explicit Connection(int connected) : fd(connected) {}
    ~Connection() { close(fd); }

    /// Moves what can be moved. False: it has ended.
    bool move() {
        for (;;) {
            while (begin < end) {
                const ssize_t sent = send(fd, buffer + begin, end - begin, MSG_NOSIGNAL);
                if (sent < 0) {
                    return goes_on("send");
                }
                begin += static_cast<size_t>(sent);
            }
            const ssize_t got = recv(fd, buffer, sizeof(buffer), 0);
            if (got <= 0) {
                return got < 0 && goes_on("recv");
            }
            begin = 0;
            end = static_cast<size_t>(got);
        }
    }

private:
    /// The peer may end a connection; only the stack itself may abort it.
    static bool goes_on(const char* call) {
        if (errno == ECONNABORTED) {
            aborted(call);
        }
        return errno == EAGAIN || errno == EINTR;
    }
};

void watch(int epoll, int fd, unsigned events) {
    epoll_event event{};
    event.events = events;
    event.data.fd = fd;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        aborted("epoll_ctl");
    }
}

[[noreturn]] void serve(int listener) {
    std::unordered_map<int, std::unique_ptr<Connection>> connections;
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    watch(epoll, listener, EPOLLIN | EPOLLEXCLUSIVE);
    for (;;) {
        epoll_event events[kMaxEvents];
        const int count = epoll_wait(epoll, events, kMaxEvents, -1);
        if (count < 0 && errno != EINTR) {
            aborted("epoll_wait");
        }
        for (int i = 0; i < count; ++i) {
            const int fd = events[i].data.fd;
            if (fd != listener) {
                if (!connections.at(fd)->move()) {
                    connections.erase(fd);
                }
                continue;
            }
            const int accepted = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK);
            if (accepted < 0) {
                if (errno != EAGAIN && errno != EINTR) {
                    aborted("accept");
                }
                continue;
            }
            const int self = getpid(), one = 1;
            setsockopt(accepted, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
            if (send(accepted, &self, sizeof(self), MSG_NOSIGNAL) != sizeof(self) && errno == ECONNABORTED) {
                aborted("send");
            }
            connections[accepted] = std::make_unique<Connection>(accepted);
            watch(epoll, accepted, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET);
        }
    }
}

void tell_of_member() {
    char line[40];
    snprintf(line, sizeof(line), "member %d\n", getpid());
    say(line);
}

pid_t start_worker(int listener) {
    const pid_t pid = fork();
    if (pid < 0) {
        aborted("fork");
    }
    if (pid == 0) {
        // The first process's connections are not this one's: they are to end when that dies.
        close_range(static_cast<unsigned>(listener) + 1, ~0U, 0);
        tell_of_member();
        serve(listener);
    }
    return pid;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        fprintf(stderr, "usage: %s PORT WORKERS\n", argv[0]);
        return 2;
    }
    const int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), one = 1;
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<unsigned short>(atoi(argv[1])));
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0 || listen(listener, 256) != 0) {
        perror("listener");
        return 1;
    }
    tell_of_member();
    for (int i = 0; i < atoi(argv[2]); ++i) {
        start_worker(listener);
    }
    std::thread(serve, listener).detach();  // the first process serves like the others
    for (int status;;) {
        if (wait(&status) < 0) {
            pause();
        } else if (WIFSIGNALED(status)) {
            start_worker(listener);
        }
    }
}
