// SPDX-License-Identifier: GPL-2.0
// What both hostile clients share: an unprivileged user of host a who tries `rounds` times each of `kinds` forgeries.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "tests/proxy/testbed.h"

namespace alp::test {

inline constexpr int hostile_kinds = 20;
inline constexpr int hostile_rounds = 50;
inline constexpr int hostile_attempts = hostile_kinds * hostile_rounds;

/// Runs `attack` on a host as nobody; answers what it returned, or -1 if it died.
inline int as_nobody(const Namespace& host, const std::function<int()>& attack) {
    constexpr uid_t nobody = 65534;
    const Child child([&] {
        host.enter();
        return setgid(nobody) == 0 && setuid(nobody) == 0 ? attack() : 255;
    });
    int status = 0;
    waitpid(child.pid(), &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace alp::test
