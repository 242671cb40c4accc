// SPDX-License-Identifier: GPL-2.0
#include "tests/wire/fake_stack.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <string>

#include "abi/stack_calls.h"
#include "base/raw_syscall.h"
#include "stack/host/stack.h"

namespace {

std::string g_stack_netns;
std::map<long, long> g_descriptors;  // the stack's number -> the real descriptor

int open_netns(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        std::perror(path.c_str());
        std::abort();
    }
    return fd;
}

long socket_in_stack(long family, long type, long protocol) {
    const alp::UniqueFd here(open_netns("/proc/thread-self/ns/net"));
    const alp::UniqueFd there(open_netns("/run/netns/" + g_stack_netns));
    ::setns(there.get(), CLONE_NEWNET);
    const long fd = alp::raw_syscall(SYS_socket, family, type, protocol);
    ::setns(here.get(), CLONE_NEWNET);
    return fd;
}

}  // namespace

namespace alp::test {

void use_as_stack(const char* netns) { g_stack_netns = netns; }

void enter_netns(const char* netns) {
    const UniqueFd fd(open_netns(std::string("/run/netns/") + netns));
    if (::setns(fd.get(), CLONE_NEWNET) != 0) {
        std::perror("setns");
        std::abort();
    }
}

}  // namespace alp::test

namespace alp::stack {

long call(long number, long a, long b, long c, long d, long e, long f) {
    if (number == ALPINE_NR_socket_at) {
        const long fd = socket_in_stack(b, c, d);
        if (fd < 0) {
            return fd;
        }
        g_descriptors[a] = fd;
        return a;
    }
    const long fd = g_descriptors.at(a);
    if (number == SYS_close) {
        g_descriptors.erase(a);
    }
    return raw_syscall(number, fd, b, c, d, e, f);
}

}  // namespace alp::stack
