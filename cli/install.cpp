// SPDX-License-Identifier: GPL-2.0
#include "cli/install.h"

#include <fmt/core.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <vector>

namespace alp::cli {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view kImagePrefix = "stack-";
constexpr std::string_view kImageSuffix = ".so";

/// The names of the stacks that are installed, sorted.
std::vector<std::string> stack_names(const Install& install) {
    std::vector<std::string> names;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(install.library_dir + "/alpine", error)) {
        std::string name = entry.path().filename().string();
        if (name.starts_with(kImagePrefix) && name.ends_with(kImageSuffix)) {
            names.push_back(name.substr(kImagePrefix.size(), name.size() - kImagePrefix.size() - kImageSuffix.size()));
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

std::string Install::stack_image(const std::string& name) const {
    if (name.find('/') != std::string::npos) {
        std::error_code error;
        const fs::path absolute = fs::absolute(name, error);
        return error ? name : absolute.string();
    }
    return fmt::format("{}/alpine/{}{}{}", library_dir, kImagePrefix, name, kImageSuffix);
}

Result<Install> find_install() {
    std::error_code error;
    if (const char* dir = std::getenv("ALPINE_LIBDIR"); dir != nullptr && *dir != '\0') {
        return Install{fs::absolute(dir, error).string()};
    }
    const fs::path self = fs::read_symlink("/proc/self/exe", error);
    if (error) {
        return Error{error.value(), "cannot tell where alp is (/proc/self/exe)"};
    }
    return Install{(self.parent_path().parent_path() / "lib").string()};
}

Result<void> check_preload_library(const Install& install) {
    const std::string path = install.preload_library();
    if (::access(path.c_str(), R_OK) != 0) {
        return Error{errno, fmt::format("cannot read {} (build it with ./dev build, or set ALPINE_LIBDIR)", path)};
    }
    if (path.find_first_of(" :\t") != std::string::npos) {
        return Error{EINVAL, fmt::format("{}: the loader cannot preload from a path with a blank or a colon", path)};
    }
    return {};
}

Result<void> check_stack_image(const Install& install, const std::string& name) {
    const std::string path = install.stack_image(name);
    if (::access(path.c_str(), R_OK) == 0) {
        return {};
    }
    const int code = errno;
    if (code != ENOENT || name.find('/') != std::string::npos) {
        return Error{code, fmt::format("cannot read the stack image {}", path)};
    }
    const auto names = stack_names(install);
    if (names.empty()) {
        return Error{code, fmt::format("no stack image {} (build it with ./dev build)", path)};
    }
    return Error{code, fmt::format("unknown stack '{}' (there is {})", name, fmt::join(names, ", "))};
}

}  // namespace alp::cli
