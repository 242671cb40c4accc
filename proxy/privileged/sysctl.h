// SPDX-License-Identifier: GPL-2.0
// The host's network sysctls: those of one TUN, and the few global ones that alpined changes and puts back.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace alp::proxy {

/// Reads /proc/sys/`path` (of this network namespace), without the newline.
Result<std::string> read_sysctl(const std::string& path);
Result<void> write_sysctl(const std::string& path, std::string_view value);

/// What packets from a stack need on their TUN: forwarding (bpf_fib_lookup answers only then), the host's own
/// addresses as source, 127/8, and no IPv6 address of its own. Call before the device is up.
Result<void> set_tun_sysctls(const std::string& ifname);

/// Turns reverse-path filtering off on `all`, which the host would else apply to every TUN (it uses the maximum of
/// `all` and the device's own value), and puts it on each existing device instead, so that nothing else changes.
/// Puts everything back when destroyed.
class ReversePathFilter {
public:
    ReversePathFilter() = default;
    ReversePathFilter(const ReversePathFilter&) = delete;
    ReversePathFilter& operator=(const ReversePathFilter&) = delete;
    ~ReversePathFilter();

    Result<void> relax();

private:
    Result<void> change(const std::string& path, const std::string& value);
    Result<void> raise_devices(const std::string& minimum);

    std::map<std::string, std::string> previous_;  // path -> value to restore
};

}  // namespace alp::proxy
