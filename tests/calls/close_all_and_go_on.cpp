// SPDX-License-Identifier: GPL-2.0
// A child that closes every descriptor there is (close_range, closefrom, one by one) goes on as a program without any:
// it opens sockets with the lowest numbers, talks, forks. Its parent's are as they were.
#include <fcntl.h>
#include <sys/syscall.h>

#include "children.h"

static void by_range() { CHECK(syscall(SYS_close_range, 0, ~0U, 0) == 0); }

static void by_closefrom() { closefrom(0); }

static void one_by_one() {
    for (int fd = 0; fd < 1024; ++fd) {
        close(fd);
    }
}

/// With no standard error there is nobody to tell but the parent.
static void go_on(void (*close_all)()) {
    const Pair pair;
    const pid_t child = in_child([&] {
        close_all();
        const int first = socket(AF_INET, SOCK_DGRAM, 0);
        if (first != 0) {
            _exit(2);
        }
        {
            const Pair own;
            if (own.client != 2 && own.client != 1) {
                _exit(3);
            }
            talk(own.client, own.server);
            child_does([&] { talk(own.server, own.client); });
            close(own.client);
            hear_end(own.server);
            close(own.server);
        }
        if (open("/dev/null", O_RDWR) != 1) {
            _exit(4);
        }
        sockaddr_in any = loopback();
        if (bind(first, generic(any), sizeof(any)) != 0) {
            _exit(5);
        }
    });
    expect_success(child);
    talk(pair.client, pair.server);
    close(pair.client);
    hear_end(pair.server);
    close(pair.server);
}

int main() {
    close_inherited();
    limit_time();
    go_on(by_range);
    go_on(by_closefrom);
    go_on(one_by_one);
}
