// SPDX-License-Identifier: GPL-2.0
// CPU seconds of this process and of the whole machine, both ends of a connection included.
#pragma once

#include <sys/resource.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>

namespace alp::bench {

inline double cpu_s(const rusage& usage) {
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
    };
    return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

inline double process_cpu_s() {
    rusage usage{};
    ::getrusage(RUSAGE_SELF, &usage);
    return cpu_s(usage);
}

/// What all CPUs were busy with since the machine's start: the first line of /proc/stat without idle, iowait and steal
/// (proc(5)), in its resolution of 10 ms.
inline double machine_cpu_s() {
    std::FILE* const file = std::fopen("/proc/stat", "re");
    unsigned long user = 0, nice = 0, system = 0, irq = 0, softirq = 0;
    if (file == nullptr ||
        std::fscanf(file, "cpu %lu %lu %lu %*u %*u %lu %lu", &user, &nice, &system, &irq, &softirq) != 5) {
        std::perror("/proc/stat");
        std::exit(1);
    }
    std::fclose(file);
    return static_cast<double>(user + nice + system + irq + softirq) / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

/// What is used from its making on.
class CpuMeter {
public:
    /// Two members of a JSON object.
    [[nodiscard]] std::string json() const {
        char text[96];
        std::snprintf(text, sizeof(text), "\"process_cpu_s\": %.6f, \"machine_cpu_s\": %.6f",
                      process_cpu_s() - process_, machine_cpu_s() - machine_);
        return text;
    }

private:
    double machine_ = machine_cpu_s();
    double process_ = process_cpu_s();
};

}  // namespace alp::bench
