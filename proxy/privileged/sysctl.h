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

/// Where it is written down what a sysctl was before alpined changed it, so that whoever puts things back, perhaps an
/// alpined after the one that made the change, knows. Paths are as in read_sysctl().
class SettingNotes {
public:
    virtual ~SettingNotes() = default;
    [[nodiscard]] virtual std::map<std::string, std::string> settings() const = 0;
    virtual Result<void> note_setting(const std::string& path, const std::string& previous) = 0;
    virtual void forget_setting(const std::string& path) = 0;
};

/// Turns reverse-path filtering off on `all`, which the host would else apply to every TUN (it uses the maximum of
/// `all` and the device's own value), and puts it on each existing device instead, so that nothing else changes.
Result<void> relax_reverse_path_filter(SettingNotes& notes);

/// Must steering refuse what comes in on the device from the host's own IPv4 addresses, once accept_local() has been
/// called? False: the host takes such packets by its own settings.
[[nodiscard]] bool refuses_own_addresses(const SettingNotes& notes, const std::string& ifname);
/// The host's IPv4 takes packets from its own addresses on this device: copies of what stacks send to several.
Result<void> accept_local(SettingNotes& notes, const std::string& ifname);

/// Puts back every sysctl that there is a note of.
void restore_settings(SettingNotes& notes);

}  // namespace alp::proxy
