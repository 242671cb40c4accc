// SPDX-License-Identifier: GPL-2.0
#include "calls/config.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include <charconv>
#include <string_view>

#include "proxy/client/client.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr const char* kDefaultStack = "linux-6.12";
constexpr std::uint64_t kDefaultMemoryBytes = 1ULL << 30;

std::string_view variable(const char* name) {
    const char* value = getenv(name);
    return value != nullptr ? value : "";
}

/// The folder libalpine.so is in; the images lie in alpine/ beside it.
std::string library_folder() {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&read_config), &info) == 0 || info.dli_fname == nullptr) {
        return ".";
    }
    const std::string path = info.dli_fname;
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? "." : path.substr(0, slash);
}

std::string image_path(std::string_view stack) {
    if (stack.find('/') != std::string_view::npos) {
        return std::string(stack);
    }
    const std::string name = stack.empty() ? kDefaultStack : std::string(stack);
    return library_folder() + "/alpine/stack-" + name + ".so";
}

Result<std::uint64_t> parse_bytes(std::string_view text) {
    const std::string copy(text);
    char* end = nullptr;
    errno = 0;
    std::uint64_t bytes = strtoull(copy.c_str(), &end, 10);
    const std::string_view unit = end;
    const unsigned shift = unit == "G" ? 30 : unit == "M" ? 20 : unit == "K" ? 10 : 0;
    if (errno != 0 || end == copy.c_str() || (shift == 0 && !unit.empty()) || bytes == 0 ||
        bytes > (std::uint64_t{1} << 46 >> shift)) {
        return Error{EINVAL, "ALPINE_MEMORY=" + copy + " is no size such as 512M or 2G"};
    }
    return bytes << shift;
}

Result<std::vector<std::pair<std::string, std::string>>> parse_sysctls(std::string_view text) {
    std::vector<std::pair<std::string, std::string>> sysctls;
    while (!text.empty()) {
        const std::size_t end = text.find(';');
        const std::string_view one = text.substr(0, end);
        text = end == std::string_view::npos ? "" : text.substr(end + 1);
        if (one.empty()) {
            continue;
        }
        const std::size_t equals = one.find('=');
        if (equals == std::string_view::npos || equals == 0) {
            return Error{EINVAL, "ALPINE_SYSCTL: \"" + std::string(one) + "\" is not name=value"};
        }
        sysctls.emplace_back(one.substr(0, equals), one.substr(equals + 1));
    }
    return sysctls;
}

Result<alpine_wire> parse_wire(std::string_view text) {
    if (text.empty()) {
        return ALPINE_WIRE_ANY;
    }
    if (text != "steer" && text != "classic") {
        return Error{EINVAL, "ALPINE_WIRE=" + std::string(text) + " is neither steer nor classic"};
    }
    return text == "steer" ? ALPINE_WIRE_STEER : ALPINE_WIRE_CLASSIC;
}

}  // namespace

Result<std::uint32_t> busy_poll_us() {
    const std::string_view text = variable("ALPINE_BUSY_POLL");
    std::uint32_t us = 0;
    const auto [end, error] = std::from_chars(text.begin(), text.end(), us);
    if (!text.empty() && (error != std::errc{} || end != text.end())) {
        return Error{EINVAL, "ALPINE_BUSY_POLL=" + std::string(text) + " is no number of microseconds"};
    }
    return us;
}

Result<Config> read_config() {
    Config config{};
    config.image_path = image_path(variable("ALPINE_STACK"));
    config.daemon_address = proxy::default_address();
    config.memory_bytes = kDefaultMemoryBytes;
    config.dmesg = variable("ALPINE_DMESG") == "1";
    if (const std::string_view memory = variable("ALPINE_MEMORY"); !memory.empty()) {
        Result<std::uint64_t> bytes = parse_bytes(memory);
        if (!bytes) {
            return bytes.error();
        }
        if (bytes.value() < stack::kMinMemoryBytes) {
            return Error{EINVAL,
                         "ALPINE_MEMORY=" + std::string(memory) + " is too little for the stack to boot (16M or more)"};
        }
        config.memory_bytes = bytes.value();
    }
    const auto wire = parse_wire(variable("ALPINE_WIRE"));
    if (!wire) {
        return wire.error();
    }
    config.wire = wire.value();
    auto sysctls = parse_sysctls(variable("ALPINE_SYSCTL"));
    if (!sysctls) {
        return sysctls.error();
    }
    config.sysctls = std::move(sysctls).value();
    return config;
}

}  // namespace alp::calls
