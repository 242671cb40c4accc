// SPDX-License-Identifier: GPL-2.0
#include "calls/sysctl.h"

#include <fcntl.h>
#include <sys/syscall.h>

#include "base/raw_syscall.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

// What says which ports a socket may have: the host has the last word on each, and the stack is not to ask in vain.
constexpr const char* kAdopted[] = {"net.ipv4.ip_local_port_range", "net.ipv4.ip_local_reserved_ports",
                                    "net.ipv4.ip_unprivileged_port_start"};

/// The path under /proc/sys of a name as sysctl(8) takes it: whichever of '.' and '/' comes first separates.
std::string sysctl_path(const std::string& name) {
    std::string path = name;
    if (const std::size_t first = name.find_first_of("./"); first != std::string::npos && name[first] == '.') {
        for (char& c : path) {
            c = c == '.' ? '/' : c == '/' ? '.' : c;
        }
    }
    return "/proc/sys/" + path;
}

/// What the host has under `path`, without the end of line; empty if nothing or not to be read.
std::string host_value(const std::string& path) {
    std::string value;
    const long file = raw_syscall(SYS_openat, AT_FDCWD, arg(path.c_str()), O_RDONLY | O_CLOEXEC);
    char part[4096];
    for (long got; file >= 0 && (got = raw_syscall(SYS_read, file, arg(part), sizeof(part))) > 0;) {
        value.append(part, static_cast<std::size_t>(got));
    }
    if (file >= 0) {
        raw_syscall(SYS_close, file);
    }
    while (!value.empty() && value.back() == '\n') {
        value.pop_back();
    }
    return value;
}

}  // namespace

Result<void> set_sysctl(const std::string& name, const std::string& value) {
    const std::string path = sysctl_path(name);
    const long file = stack::call(SYS_openat, AT_FDCWD, arg(path.c_str()), O_WRONLY);
    if (file < 0) {
        return Error{static_cast<int>(-file), "sysctl " + name};
    }
    const long written = stack::call(SYS_write, file, arg(value.c_str()), static_cast<long>(value.size()));
    stack::call(SYS_close, file);
    if (written < 0) {
        return Error{static_cast<int>(-written), "sysctl " + name + "=" + value};
    }
    return {};
}

void adopt_host_sysctls() {
    for (const char* name : kAdopted) {
        if (const std::string value = host_value(sysctl_path(name)); !value.empty()) {
            static_cast<void>(set_sysctl(name, value));  // at worst the host refuses a port and another is chosen
        }
    }
}

}  // namespace alp::calls
