// SPDX-License-Identifier: GPL-2.0
#include "proxy/log.h"

#include <array>
#include <ctime>

namespace alp::proxy {
namespace {

constexpr std::array<std::string_view, 4> level_names = {"error", "warning", "info", "debug"};
constexpr unsigned max_lines_per_second = 50;

LogLevel threshold = LogLevel::info;

/// Counts lines in the current second of the clock.
class RateLimit {
public:
    bool allows(std::time_t now_s) {
        end_second(now_s);
        return ++lines_ <= max_lines_per_second;
    }

    /// Begins a new count, if the second has changed.
    void end_second(std::time_t now_s) {
        if (now_s != second_) {
            report();
            second_ = now_s;
            lines_ = 0;
        }
    }

private:
    void report() const {
        if (lines_ > max_lines_per_second) {
            fmt::print(stderr, "alpined: {} more lines in one second left out\n", lines_ - max_lines_per_second);
        }
    }

    std::time_t second_ = 0;
    unsigned lines_ = 0;
};

RateLimit rate_limit;

void write_line(const timespec& now, LogLevel level, std::string_view text) {
    tm utc{};
    gmtime_r(&now.tv_sec, &utc);
    std::array<char, 32> stamp{};
    std::strftime(stamp.data(), stamp.size(), "%Y-%m-%dT%H:%M:%S", &utc);
    fmt::print(stderr, "{}.{:03}Z {} {}\n", stamp.data(), now.tv_nsec / 1'000'000,
               level_names[static_cast<std::size_t>(level)], text);
}

}  // namespace

std::optional<LogLevel> parse_log_level(std::string_view name) {
    for (std::size_t i = 0; i < level_names.size(); ++i) {
        if (level_names[i] == name) {
            return static_cast<LogLevel>(i);
        }
    }
    return std::nullopt;
}

void set_log_level(LogLevel level) { threshold = level; }

void report_left_out() { rate_limit.end_second(std::time(nullptr)); }

void log_line(LogLevel level, std::string_view text) {
    if (level > threshold) {
        return;
    }
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    const bool limited = level == LogLevel::warning || level == LogLevel::info;
    if (!limited || rate_limit.allows(now.tv_sec)) {
        write_line(now, level, text);
    }
}

}  // namespace alp::proxy
