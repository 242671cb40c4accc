// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <fmt/core.h>

#include <charconv>
#include <cstdio>
#include <optional>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace alp::bench {

/// The command line of `program [ENTRIES]...`: numbers from 1 to `most`; `otherwise` if there are none. Nothing, after
/// a line on standard error, for anything else: the program ends with 2.
inline std::optional<std::vector<unsigned>> entries_of(int argc, char** argv, const char* program, unsigned most,
                                                       std::vector<unsigned> otherwise) {
    std::vector<unsigned> all;
    for (int i = 1; i < argc; ++i) {
        const std::string_view text = argv[i];
        unsigned entries = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), entries);
        if (error != std::errc() || end != text.data() + text.size() || entries == 0 || entries > most) {
            fmt::print(stderr, "{}: '{}' is no number of entries (1 to {})\n", program, text, most);
            return std::nullopt;
        }
        all.push_back(entries);
    }
    return all.empty() ? std::move(otherwise) : all;
}

}  // namespace alp::bench
