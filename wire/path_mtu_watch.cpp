// SPDX-License-Identifier: GPL-2.0
#include "wire/path_mtu_watch.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/raw_syscall.h"

namespace alp::wire {

namespace {

constexpr std::size_t kReadBytes = 16UL * 1024; /* both files together are smaller by half */

UniqueFd open_counters(const char* path) {
    return UniqueFd(static_cast<int>(raw_syscall(SYS_openat, AT_FDCWD, arg(path), O_RDONLY | O_CLOEXEC)));
}

/// Reads the file anew. Empty: it cannot be read.
const char* read_counters(const UniqueFd& file, char (&text)[kReadBytes]) {
    const long len = raw_syscall(SYS_pread64, file.get(), arg(text), sizeof(text) - 1, 0);
    text[len > 0 ? len : 0] = '\0';
    return text;
}

/// Takes the next word off a line. Empty: there is none.
std::string_view next_word(std::string_view& line) {
    line.remove_prefix(std::min(line.find_first_not_of(" \t"), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(" \t"));
    line.remove_prefix(word.size());
    return word;
}

std::string_view next_line(std::string_view& text) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(line.size() + 1, text.size()));
    return line;
}

std::uint64_t number(std::string_view word) {
    std::uint64_t value = 0;
    std::from_chars(word.data(), word.data() + word.size(), value);
    return value;
}

}  // namespace

std::uint64_t snmp_counter(const char* text, const char* table, const char* name) {
    std::string_view rest(text);
    while (!rest.empty()) {
        std::string_view names = next_line(rest);
        std::string_view values = next_line(rest);
        if (next_word(names) != table || next_word(values) != table) {
            continue;
        }
        for (std::string_view word = next_word(names); !word.empty(); word = next_word(names)) {
            const std::string_view value = next_word(values);
            if (word == name) {
                return number(value);
            }
        }
    }
    return 0;
}

std::uint64_t snmp6_counter(const char* text, const char* name) {
    std::string_view rest(text);
    while (!rest.empty()) {
        std::string_view line = next_line(rest);
        if (next_word(line) == name) {
            return number(next_word(line));
        }
    }
    return 0;
}

bool PathMtuWatch::host_may_have_learnt() {
    const bool first = !opened_;
    if (first) {
        opened_ = true;
        ipv4_ = open_counters("/proc/thread-self/net/snmp");
        ipv6_ = open_counters("/proc/thread-self/net/snmp6");
    }
    char text[kReadBytes];
    const std::uint64_t now = snmp_counter(read_counters(ipv4_, text), "IcmpMsg:", "InType3") +
                              snmp6_counter(read_counters(ipv6_, text), "Icmp6InPktTooBigs");
    const bool moved = now != seen_;
    seen_ = now;
    return moved || first;  // what came before the first time has not been seen either
}

}  // namespace alp::wire
