// SPDX-License-Identifier: GPL-2.0
#include "cli/environment.h"

#include <fmt/core.h>

#include <cerrno>
#include <cstdlib>

namespace alp::cli {

namespace {

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
        variables["ALPINE_MEMORY"] = options.memory;
    }
    if (options.dmesg) {
        variables["ALPINE_DMESG"] = "1";
    }
    const char* preloaded = std::getenv("LD_PRELOAD");
    variables["LD_PRELOAD"] = install.preload_library();
    if (preloaded != nullptr && *preloaded != '\0') {
        variables["LD_PRELOAD"] += std::string(":") + preloaded;
    }
    return variables;
}

}  // namespace alp::cli
