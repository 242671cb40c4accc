// SPDX-License-Identifier: GPL-2.0
// alp doctor: what this machine lacks for Alpine, each with the command that mends it.
#include <fmt/core.h>
#include <fmt/ranges.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <set>
#include <vector>

#include "abi/stack.h"
#include "cli/install.h"
#include "cli/verbs.h"
#include "proxy/client/client.h"

namespace alp::cli {

namespace {

/// One line of the doctor's answer.
struct Finding {
    bool well;
    std::string what;
    std::string detail;
    std::string mend;  ///< a command; empty when all is well
};

Finding check_tun() {
    struct stat status {};
    const char* path = "/dev/net/tun";
    if (::stat(path, &status) == 0 && S_ISCHR(status.st_mode)) {
        return {true, "TUN devices", path, ""};
    }
    return {false, "TUN devices", fmt::format("no {}", path), "sudo modprobe tun"};
}

/// What the running kernel was configured with: names of the options that are =y or =m. Empty when it is published
/// neither in /proc nor in /boot.
std::set<std::string> kernel_config() {
    constexpr const char* kReadCommand = "zcat /proc/config.gz 2>/dev/null || cat /boot/config-$(uname -r) 2>/dev/null";
    std::set<std::string> present;
    FILE* config = ::popen(kReadCommand, "r");
    std::array<char, 512> buffer{};
    while (config != nullptr && std::fgets(buffer.data(), buffer.size(), config) != nullptr) {
        const std::string line(buffer.data());
        if (line.ends_with("=y\n") || line.ends_with("=m\n")) {
            present.insert(line.substr(0, line.size() - 3));
        }
    }
    if (config != nullptr) {
        ::pclose(config);
    }
    return present;
}

/// Steering wants BPF programs at tc ingress. Where the kernel's configuration cannot be read, alpined is the judge:
/// it says at start what it was not permitted.
Finding check_kernel_config() {
    const std::string what = "tc and BPF in the kernel";
    const auto present = kernel_config();
    if (present.empty()) {
        return {true, what, "its configuration is not published; alpined will tell", ""};
    }
    for (const char* option :
         {"CONFIG_BPF_SYSCALL", "CONFIG_NET_CLS_ACT", "CONFIG_NET_CLS_BPF", "CONFIG_NET_SCH_INGRESS"}) {
        if (!present.contains(option)) {
            return {false, what, fmt::format("the kernel has no {}", option), "sudo apt-get install linux-image-amd64"};
        }
    }
    return {true, what, "configured", ""};
}

/// The stack lives at one fixed address, which must be free and within the process's limits.
Finding check_address_space() {
    constexpr std::size_t kArenaBytes = std::size_t{1} << 30;  // the default --memory
    const std::string what = "address space";
    void* const base = reinterpret_cast<void*>(ALPINE_IMAGE_BASE);
    void* const got =
        ::mmap(base, kArenaBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED_NOREPLACE, -1, 0);
    if (got == MAP_FAILED) {
        return {false, what, fmt::format("cannot map at {}: {}", base, std::strerror(errno)), "ulimit -v unlimited"};
    }
    ::munmap(got, kArenaBytes);
    return {true, what, fmt::format("free at {}", base), ""};
}

Finding check_library(const Install& install) {
    auto library = check_preload_library(install);
    return {library.ok(), "libalpine.so", library ? install.preload_library() : library.error().context,
            library ? "" : "./dev build"};
}

Finding check_stack(const Install& install) {
    auto image = check_stack_image(install, kDefaultStack);
    return {image.ok(), "stack image", image ? install.stack_image(kDefaultStack) : image.error().context,
            image ? "" : fmt::format("./dev build --stack {}", kDefaultStack)};
}

Finding check_daemon(const Install& install) {
    const std::string mend = fmt::format("sudo {}/../bin/alpined &", install.library_dir);
    proxy::Client client;
    if (auto connected = client.connect(proxy::default_address()); !connected) {
        return {false, "alpined", connected.error().message(), mend};
    }
    auto status = client.status();
    if (!status) {
        return {false, "alpined", status.error().message(), mend};
    }
    const auto& reply = status.value();
    return {true, "alpined",
            fmt::format("pid {}, version {}, {}", reply.pid, reply.program_version,
                        reply.interfaces == 0 ? "nothing to steer"
                                              : fmt::format("steering on {} interfaces", reply.interfaces)),
            ""};
}

std::set<std::string> installed_packages() {
    std::set<std::string> names;
    std::ifstream status("/var/lib/dpkg/status");
    std::string package;
    for (std::string line; std::getline(status, line);) {
        if (line.starts_with("Package: ")) {
            package = line.substr(std::strlen("Package: "));
        } else if (line == "Status: install ok installed" || line == "Status: hold ok installed") {
            names.insert(package);
        }
    }
    return names;
}

/// Only in a source tree: the packages that building and testing want. Elsewhere nothing is said.
std::vector<Finding> check_packages(const Install& install) {
    std::ifstream list(install.library_dir + "/../../tools/packages.txt");
    const auto installed = installed_packages();
    if (!list || installed.empty()) {
        return {};
    }
    std::vector<std::string> missing;
    for (std::string line; std::getline(list, line);) {
        if (!line.empty() && line.front() != '#' && !installed.contains(line)) {
            missing.push_back(line);
        }
    }
    if (missing.empty()) {
        return {{true, "packages", "all of tools/packages.txt", ""}};
    }
    return {{false, "packages", fmt::format("missing: {}", fmt::join(missing, " ")), "sudo ./dev setup"}};
}

std::vector<Finding> examine(const Install& install) {
    std::vector<Finding> findings = {check_tun(),           check_kernel_config(),
                                     check_address_space(), check_library(install),
                                     check_stack(install),  check_daemon(install)};
    for (auto& finding : check_packages(install)) {
        findings.push_back(std::move(finding));
    }
    return findings;
}

int doctor() {
    auto install = find_install();
    if (!install) {
        fmt::print(stderr, "alp: {}\n", install.error().message());
        return kExitCannotStart;
    }
    bool all_well = true;
    for (const auto& finding : examine(install.value())) {
        fmt::print("{:4}  {:26}{}\n", finding.well ? "ok" : "LACK", finding.what, finding.detail);
        if (!finding.well) {
            fmt::print("      mend with: {}\n", finding.mend);
        }
        all_well = all_well && finding.well;
    }
    return all_well ? 0 : 1;
}

}  // namespace

void add_doctor(CLI::App& app, int& exit_code) {
    CLI::App* verb = app.add_subcommand("doctor", "What this machine lacks for Alpine, and how to mend it");
    verb->callback([&exit_code] { exit_code = doctor(); });
}

}  // namespace alp::cli
