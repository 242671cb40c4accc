// SPDX-License-Identifier: GPL-2.0
// bench_usage CMD...
//
// Runs CMD and prints what it took, as one JSON object on standard error (CMD has standard output to itself), unless
// CMD failed: the largest resident set it had, in KiB, and the CPU seconds of CMD and of the whole machine meanwhile.
// Exits as CMD did. The kernel carries a process's peak over exec(), so whoever starts CMD must be small itself: this
// is why it is not done from Python.
#include <spawn.h>
#include <sys/wait.h>

#include "bench/programs/cpu_time.h"
#include "bench/programs/socket_tools.h"

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: %s CMD...\n", argv[0]);
        return 2;
    }
    const double machine_before = alp::bench::machine_cpu_s();
    pid_t pid = 0;
    errno = ::posix_spawnp(&pid, argv[1], nullptr, nullptr, argv + 1, environ);
    if (errno != 0) {
        alp::bench::die(argv[1]);
    }
    int status = 0;
    rusage usage{};
    if (::wait4(pid, &status, 0, &usage) != pid) {
        alp::bench::die("wait4");
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    if (code == 0) {
        std::fprintf(stderr, "{\"peak_kib\": %ld, \"process_cpu_s\": %.6f, \"machine_cpu_s\": %.6f}\n", usage.ru_maxrss,
                     alp::bench::cpu_s(usage), alp::bench::machine_cpu_s() - machine_before);
    }
    return code;
}
