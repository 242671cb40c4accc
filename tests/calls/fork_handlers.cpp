// SPDX-License-Identifier: GPL-2.0
// pthread_atfork handlers that use sockets, before the fork, after it in the parent, and in the child; and memory that
// parent and child share beside the stack (an anonymous shared mapping with a process-shared lock) is theirs as ever.
#include <pthread.h>
#include <sys/mman.h>

#include "children.h"

static const Pair* pair_of_all;

static void before() { say(pair_of_all->client, "before;"); }
static void after_in_parent() { say(pair_of_all->client, "parent;"); }
static void after_in_child() {
    const Pair own;
    talk(own.client, own.server);
    say(pair_of_all->server, "child;");
}

struct Shared {
    pthread_mutex_t lock;
    int counter;
};

int main() {
    close_inherited();
    limit_time();
    const Pair pair;
    pair_of_all = &pair;
    CHECK(pthread_atfork(before, after_in_parent, after_in_child) == 0);
    auto* shared =
        static_cast<Shared*>(mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    CHECK(shared != MAP_FAILED);
    pthread_mutexattr_t attributes;
    CHECK(pthread_mutexattr_init(&attributes) == 0);
    CHECK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED) == 0);
    CHECK(pthread_mutex_init(&shared->lock, &attributes) == 0);
    auto count_up = [&] {
        for (int i = 0; i < 1000; ++i) {
            CHECK(pthread_mutex_lock(&shared->lock) == 0);
            ++shared->counter;
            CHECK(pthread_mutex_unlock(&shared->lock) == 0);
            CHECK(option_of(pair.client, SOL_SOCKET, SO_TYPE) == SOCK_STREAM);
        }
    };
    const pid_t child = in_child(count_up);
    count_up();
    expect_success(child);
    CHECK(shared->counter == 2000);
    hear(pair.client, "child;");
    hear(pair.server, "before;parent;");
}
