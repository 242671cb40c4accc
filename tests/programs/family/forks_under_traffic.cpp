// SPDX-License-Identifier: GPL-2.0
// forks_under_traffic ADDRESS PORT FORKS CONNECTIONS
//
// A process with so many connections to an echo server, all of them in use, forks at least so often, eight children at
// a time, which use sockets and end in all manners. Afterwards all must be as before: prints what it counts, in the
// stack (through the stack's own /proc) and on the host, before and after, as one JSON object each.
//
// The first forks are not counted: what is allocated once is so then.
#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

namespace {

constexpr int kAtATime = 8;
constexpr int kManners = 8;
constexpr int kFirstForks = 64;

sockaddr_in server{};
std::atomic<bool> over = false;
std::atomic<unsigned long> answers = 0;

[[noreturn]] void fail(const char* what) {
    fprintf(stderr, "process %d: %s: %s\n", getpid(), what, strerror(errno));
    kill(0, SIGKILL);
    _exit(1);
}

int connected() {
    const int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, reinterpret_cast<const sockaddr*>(&server), sizeof(server)) != 0) {
        fail("connect");
    }
    return fd;
}

/// A question of this very connection and turn, and its answer.
void ask(int fd, unsigned turn) {
    char question[600], answer[600];
    const int len = snprintf(question, sizeof(question), "process %d connection %d turn %u %0*d;", getpid(), fd, turn,
                             static_cast<int>(turn % 400 + 1), 7);
    if (send(fd, question, static_cast<size_t>(len), MSG_NOSIGNAL) != len) {
        fail("send");
    }
    if (recv(fd, answer, static_cast<size_t>(len), MSG_WAITALL) != len) {
        fail("recv");
    }
    if (memcmp(question, answer, static_cast<size_t>(len)) != 0) {
        errno = 0;
        fail("another's answer");
    }
}

void keep_busy(const std::vector<int>& connections) {
    for (unsigned turn = 0; !over; ++turn) {
        for (const int fd : connections) {
            ask(fd, turn);
            ++answers;
        }
    }
}

[[noreturn]] void be_a_child(int manner, const std::vector<int>& connections) {
    switch (manner) {
        case 0:
            _exit(0);
        case 1:
            closefrom(3);
            ask(connected(), 1);
            _exit(0);
        case 2: {
            const int fd = connected();
            ask(fd, 2);
            shutdown(fd, SHUT_RDWR);
            break;
        }
        case 3:
            execl("/bin/true", "true", nullptr);
            _exit(1);
        case 4: {  // ended by a signal in the middle of a call
            const int fd = connected();
            std::thread([&] { kill(getpid(), SIGKILL); }).detach();
            char byte;
            recv(fd, &byte, 1, 0);
            break;
        }
        case 5: {
            sockaddr_in any{};
            any.sin_family = AF_INET;
            const int fd = socket(AF_INET, SOCK_DGRAM, 0);
            if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0) {
                fail("bind");
            }
            break;
        }
        case 6:  // a grandchild that its parent leaves behind
            if (fork() == 0) {
                ask(connected(), 6);
                _exit(0);
            }
            _exit(0);
        default:
            for (const int fd : connections) {
                dup(fd);
            }
            std::thread([] { ask(connected(), 7); }).join();
            execl("/bin/sh", "sh", "-c", "exit 0", nullptr);
            _exit(1);
    }
    exit(0);
}

void fork_children(int count, const std::vector<int>& connections) {
    int running = 0;
    for (int i = 0; i < count || running > 0;) {
        if (i < count && running < kAtATime) {
            const pid_t pid = fork();
            if (pid < 0) {
                fail("fork");
            }
            if (pid == 0) {
                be_a_child(i % kManners, connections);
            }
            ++i;
            ++running;
            continue;
        }
        int status = 0;
        if (wait(&status) < 0) {
            fail("wait");
        }
        if (status != 0 && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL)) {
            errno = 0;
            fail("a child's status");
        }
        --running;
    }
}

/// The number after `key` in a file; -1: none.
long number_in(const char* path, const std::string& key) {
    std::ifstream file(path);
    for (std::string word; file >> word;) {
        long value = -1;
        if (word == key && file >> value) {
            return value;
        }
    }
    return -1;
}

long tasks() {
    std::ifstream file("/proc/net/../../loadavg");  // reaches the stack's /proc, as all below /proc/net does
    std::string word;
    for (int i = 0; i < 4; ++i) {
        file >> word;
    }
    return atol(word.substr(word.find('/') + 1).c_str());
}

long entries(const char* path) {
    long count = 0;
    DIR* folder = opendir(path);
    while (folder != nullptr && readdir(folder) != nullptr) {
        ++count;
    }
    if (folder != nullptr) {
        closedir(folder);
    }
    return count;
}

void count() {
    printf(
        "{\"tasks\": %ld, \"sockets\": %ld, \"tcp\": %ld, \"stack_kib_free\": %ld, \"descriptors_in_stack\": %ld, "
        "\"descriptors\": %ld, \"threads\": %ld, \"shared_kib\": %ld}\n",
        tasks(), number_in("/proc/net/sockstat", "used"), number_in("/proc/net/sockstat", "inuse"),
        number_in("/proc/net/../../meminfo", "MemFree:"), entries("/proc/net/../fd"), entries("/proc/self/fd"),
        entries("/proc/self/task"), number_in("/proc/self/status", "RssShmem:"));
    fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 5) {
        fprintf(stderr, "usage: %s ADDRESS PORT FORKS CONNECTIONS\n", argv[0]);
        return 2;
    }
    setpgid(0, 0);  // fail() ends all of it
    server.sin_family = AF_INET;
    server.sin_port = htons(static_cast<unsigned short>(atoi(argv[2])));
    inet_pton(AF_INET, argv[1], &server.sin_addr);
    std::vector<int> connections;
    for (int i = 0; i < atoi(argv[4]); ++i) {
        connections.push_back(connected());
    }
    std::thread traffic(keep_busy, connections);
    fork_children(kFirstForks, connections);
    sleep(2);  // those who were left behind have ended, and their connections are forgotten
    count();
    const auto begun = std::chrono::steady_clock::now();
    const unsigned long answers_before = answers;
    const int at_once = atoi(argv[3]);
    int forks = 0;
    do {  // until each connection has been in use meanwhile
        fork_children(at_once, connections);
        forks += at_once;
    } while (answers - answers_before < connections.size());
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - begun;
    const unsigned long answered = answers - answers_before;
    sleep(2);
    count();
    over = true;
    traffic.join();
    printf("{\"forks\": %d, \"seconds\": %.2f, \"answers_meanwhile\": %lu}\n", forks, took.count(), answered);
}
