// SPDX-License-Identifier: GPL-2.0
// alpined's log: lines on standard error with a timestamp. What a client can provoke is rate-limited.
#pragma once

#include <fmt/core.h>

#include <optional>
#include <string_view>

namespace alp::proxy {

enum class LogLevel { error, warning, info, debug };

/// "error", "warning", "info" or "debug".
[[nodiscard]] std::optional<LogLevel> parse_log_level(std::string_view name);

/// Lines above this level are not written. Set once, at the start.
void set_log_level(LogLevel level);

/// Writes one line. Lines of level warning and info are what clients cause: of these at most 50 a second are
/// written, and the number left out is said when the second is over: by the next line, or by report_left_out().
void log_line(LogLevel level, std::string_view text);

/// Says how many lines a second that is over has left out, if that was not said yet. To be called about once a second:
/// a flood that stops is told of, too.
void report_left_out();

template <typename... Args>
void log(LogLevel level, fmt::format_string<Args...> format, Args&&... args) {
    log_line(level, fmt::format(format, std::forward<Args>(args)...));
}

}  // namespace alp::proxy
