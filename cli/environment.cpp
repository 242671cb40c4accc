// SPDX-License-Identifier: GPL-2.0
#include "cli/environment.h"

#include <fmt/core.h>

#include <cerrno>
#include <charconv>
#include <cstdint>
#include <cstdlib>

namespace alp::cli {

namespace {

constexpr std::uint64_t kMinMemoryBytes = 16ULL << 20;  // less, and the stack does not come through its boot

Result<void> check_memory(const std::string& bytes) {
    std::uint64_t value = 0;
    const auto end = bytes.data() + bytes.size();
    const auto parsed = std::from_chars(bytes.data(), end, value);
    if (parsed.ec != std::errc() || parsed.ptr != end || value < kMinMemoryBytes) {
        return Error{EINVAL, fmt::format("--memory: the stack needs at least {}M", kMinMemoryBytes >> 20)};
    }
    return {};
}

Result<std::string> join_sysctls(const std::vector<std::string>& sysctls) {
    std::string joined;
    for (const auto& entry : sysctls) {
        const auto equals = entry.find('=');
        if (equals == 0 || equals == std::string::npos) {
            return Error{EINVAL, fmt::format("--sysctl {}: want NAME=VALUE", entry)};
        }
        if (entry.find(';') != std::string::npos) {
            return Error{EINVAL, fmt::format("--sysctl {}: a value cannot hold ';'", entry)};
        }
        joined += (joined.empty() ? "" : ";") + entry;
    }
    return joined;
}

}  // namespace

Result<std::map<std::string, std::string>> run_environment(const Install& install, const RunOptions& options) {
    auto sysctls = join_sysctls(options.sysctls);
    if (!sysctls) {
        return sysctls.error();
    }
    std::map<std::string, std::string> variables;
    variables["ALPINE_STACK"] = install.stack_image(options.stack);
    if (!sysctls.value().empty()) {
        variables["ALPINE_SYSCTL"] = sysctls.value();
    }
    if (!options.memory.empty()) {
        if (auto enough = check_memory(options.memory); !enough) {
            return enough.error();
        }
        variables["ALPINE_MEMORY"] = options.memory;
    }
    variables["ALPINE_STACK_PER"] = options.stack_per;
    variables["ALPINE_NEW_FAMILY"] = "1";
    if (!options.wire.empty()) {
        variables["ALPINE_WIRE"] = options.wire;
    }
    if (options.busy_poll_us != 0) {
        variables["ALPINE_BUSY_POLL"] = std::to_string(options.busy_poll_us);
    }
    if (options.dmesg) {
        variables["ALPINE_DMESG"] = "1";
    }
    if (options.explain) {
        variables["ALPINE_EXPLAIN"] = "1";
    }
    const char* preloaded = std::getenv("LD_PRELOAD");
    variables["LD_PRELOAD"] = install.preload_library();
    if (preloaded != nullptr && *preloaded != '\0') {
        variables["LD_PRELOAD"] += std::string(":") + preloaded;
    }
    return variables;
}

}  // namespace alp::cli
