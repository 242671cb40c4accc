// SPDX-License-Identifier: GPL-2.0
// A program that inherits sockets over exec finds them again under their numbers: it accepts, talks, waits in epoll,
// makes sockets of its own and starts a program in turn; with the environment and without; with close-on-exec set it
// finds nothing, and what it alone held open is closed.
#include <fcntl.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>

#include <string>
#include <vector>

#include "children.h"

extern char** environ;
static char* nothing[] = {nullptr};

/// Becomes this program again, in the role that is the first word.
[[noreturn]] static void become(char** environment, const char* role, const std::vector<int>& numbers) {
    std::vector<std::string> words{"self", role};
    for (const int number : numbers) {
        words.push_back(std::to_string(number));
    }
    std::vector<char*> pointers;
    for (std::string& word : words) {
        pointers.push_back(word.data());
    }
    pointers.push_back(nullptr);
    execve("/proc/self/exe", pointers.data(), environment);
    CHECK(!"execve");
    _exit(1);
}

/// LISTENER CONNECTED CLOSED...: the first two are sockets, the others are no descriptors.
static void after_exec(const std::vector<int>& fds) {
    for (size_t i = 2; i < fds.size(); ++i) {
        CHECK_FAILS(fcntl(fds[i], F_GETFD), EBADF);
        sockaddr_in address;
        socklen_t len = sizeof(address);
        CHECK_FAILS(getsockname(fds[i], generic(address), &len), EBADF);
    }
    CHECK(option_of(fds[0], SOL_SOCKET, SO_ACCEPTCONN) == 1 && option_of(fds[1], SOL_SOCKET, SO_ACCEPTCONN) == 0);
    hear(fds[1], "said before");
    say(fds[1], "answered after");
    const int epoll = epoll_create1(0);
    epoll_event event{};
    event.events = EPOLLIN;
    CHECK(epoll_ctl(epoll, EPOLL_CTL_ADD, fds[0], &event) == 0 && epoll_wait(epoll, &event, 1, 5000) == 1);
    const int accepted = accept(fds[0], nullptr, nullptr);
    hear(accepted, "to the listener");
    const Pair own;
    talk(own.client, own.server);
    // Sockets it made itself cross the next exec.
    const pid_t child = in_child([&] { become(environ, "last", {own.server}); });
    CHECK(close(own.server) == 0);
    hear(own.client, "last");
    hear_end(own.client);
    expect_success(child);
    say(accepted, "done");
}

static void inherits(char** environment) {
    const int listening = listener();
    const sockaddr_in address = name_of(listening);
    const Pair kept, alone;
    const int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fcntl(kept.client, F_SETFD, FD_CLOEXEC) == 0);
    CHECK(ioctl(alone.server, FIOCLEX) == 0);
    const int copy = fcntl(listening, F_DUPFD_CLOEXEC, 0);
    say(kept.client, "said before");
    const pid_t child = in_child([&] {
        CHECK(close(alone.client) == 0);
        become(environment, "after", {listening, kept.server, client, kept.client, alone.server, copy});
    });
    CHECK(close(alone.server) == 0);
    hear_end(alone.client);  // the exec closed it, though the program runs
    hear(kept.client, "answered after");
    CHECK(connect(client, generic(address), sizeof(address)) == 0);
    say(client, "to the listener");
    hear(client, "done");
    hear_end(client);
    expect_success(child);
    for (const int fd : {listening, kept.client, kept.server, alone.client, client, copy}) {
        CHECK(close(fd) == 0);
    }
}

int main(int argc, char** argv) {
    limit_time();
    std::vector<int> numbers;
    for (int i = 2; i < argc; ++i) {
        numbers.push_back(atoi(argv[i]));
    }
    if (argc > 1 && strcmp(argv[1], "after") == 0) {
        after_exec(numbers);
        return 0;
    }
    if (argc > 1) {
        say(numbers[0], "last");
        return 0;
    }
    close_inherited();
    inherits(environ);
    inherits(nothing);
}
