// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/sysctl.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "base/unique_fd.h"
#include "proxy/log.h"
#include "proxy/privileged/tun.h"

namespace alp::proxy {
namespace {

const std::string conf4 = "net/ipv4/conf/";
const std::string conf6 = "net/ipv6/conf/";
const std::string rp_filter = "/rp_filter";
const std::string accept_local_name = "/accept_local";

/// Of two changes of one sysctl the first one's note counts.
Result<void> change(SettingNotes& notes, const std::string& path, const std::string& value) {
    const auto old = read_sysctl(path);
    if (!old) {
        return old.error();
    }
    if (!notes.settings().contains(path)) {
        if (auto noted = notes.note_setting(path, old.value()); !noted) {
            return noted;
        }
    }
    return write_sysctl(path, value);
}

Result<void> raise_devices(SettingNotes& notes, const std::string& minimum) {
    std::error_code failed;
    for (const auto& device : std::filesystem::directory_iterator("/proc/sys/" + conf4, failed)) {
        const std::string path = fmt::format("{}{}{}", conf4, device.path().filename().string(), rp_filter);
        const auto own = read_sysctl(path);
        // The TUNs of stacks from before stay as set_tun_sysctls() made them.
        if (device.path().filename() == "all" || is_tun_name(device.path().filename().string()) || !own ||
            own.value() >= minimum) {
            continue;
        }
        if (auto changed = change(notes, path, minimum); !changed) {
            return changed;
        }
    }
    return {};
}

}  // namespace

Result<std::string> read_sysctl(const std::string& path) {
    const UniqueFd file(open(("/proc/sys/" + path).c_str(), O_RDONLY | O_CLOEXEC));
    std::array<char, 256> text{};
    const ssize_t length = file.valid() ? read(file.get(), text.data(), text.size()) : -1;
    if (length < 0) {
        return Error{errno, "cannot read sysctl " + path};
    }
    std::string value(text.data(), static_cast<std::size_t>(length));
    value.erase(value.find_last_not_of('\n') + 1);
    return value;
}

Result<void> write_sysctl(const std::string& path, std::string_view value) {
    const UniqueFd file(open(("/proc/sys/" + path).c_str(), O_WRONLY | O_CLOEXEC));
    if (!file.valid() || write(file.get(), value.data(), value.size()) < 0) {
        return Error{errno, "cannot write sysctl " + path};
    }
    return {};
}

Result<void> set_tun_sysctls(const std::string& ifname) {
    constexpr std::array<std::pair<const char*, const char*>, 4> v4 = {
        {{"forwarding", "1"}, {"accept_local", "1"}, {"rp_filter", "0"}, {"route_localnet", "1"}}};
    constexpr std::array<std::pair<const char*, const char*>, 3> v6 = {
        {{"addr_gen_mode", "1"}, {"accept_ra", "0"}, {"forwarding", "1"}}};
    for (const auto& [name, value] : v4) {
        if (auto written = write_sysctl(conf4 + ifname + "/" + name, value); !written) {
            return written;
        }
    }
    if (access("/proc/sys/net/ipv6", F_OK) != 0) {
        return {};  // a host without IPv6
    }
    for (const auto& [name, value] : v6) {
        if (auto written = write_sysctl(conf6 + ifname + "/" + name, value); !written) {
            return written;
        }
    }
    return {};
}

bool refuses_own_addresses(const SettingNotes& notes, const std::string& ifname) {
    if (const auto all = read_sysctl(conf4 + "all" + accept_local_name); !all || all.value() != "0") {
        return false;
    }
    const std::string path = conf4 + ifname + accept_local_name;
    const auto noted = notes.settings();
    if (const auto before = noted.find(path); before != noted.end()) {
        return before->second == "0";
    }
    const auto now = read_sysctl(path);
    return now && now.value() == "0";
}

Result<void> accept_local(SettingNotes& notes, const std::string& ifname) {
    return change(notes, conf4 + ifname + accept_local_name, "1");
}

void restore_settings(SettingNotes& notes) {
    for (const auto& [path, value] : notes.settings()) {
        // A device may be gone by now; then there is nothing to restore.
        if (auto restored = write_sysctl(path, value); !restored && restored.error().code != ENOENT) {
            log(LogLevel::error, "{}", restored.error().message());
        }
        notes.forget_setting(path);
    }
}

Result<void> relax_reverse_path_filter(SettingNotes& notes) {
    const auto all = read_sysctl(conf4 + "all" + rp_filter);
    if (!all) {
        return all.error();
    }
    if (all.value() == "0") {
        return {};
    }
    if (auto raised = raise_devices(notes, all.value()); !raised) {
        return raised;
    }
    return change(notes, conf4 + "all" + rp_filter, "0");
}

}  // namespace alp::proxy
