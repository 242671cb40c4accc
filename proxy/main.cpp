// SPDX-License-Identifier: GPL-2.0
// alpined: the only privileged program of Alpine. One runs in each network namespace whose programs use Alpine.
//
// It gives each client process its wire, makes the host hand over what is for it, and keeps the table of who owns which
// port. No packet passes through it, but on the classic wire. It ends on SIGTERM and SIGINT, and puts everything back
// unless stacks still run that need no alpined, which one started later takes over; an error at the start is one line
// on standard error and exit code 125.
#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include "abi/proxy.h"
#include "proxy/daemon.h"
#include "proxy/log.h"
#include "proxy/version.h"

namespace {

constexpr int exit_cannot_start = 125;

int fail(const alp::Error& error) {
    fmt::print(stderr, "alpined: {} ({})\n", error.context, strerrordesc_np(error.code));
    return exit_cannot_start;
}

/// The wires to offer; the first is for clients that ask for none.
void offer(alp::proxy::Options& options, const std::vector<std::string>& wires) {
    options.steer = std::ranges::find(wires, "steer") != wires.end();
    options.classic = std::ranges::find(wires, "classic") != wires.end();
    options.preferred = wires.front() == "classic" ? ALPINE_WIRE_CLASSIC : ALPINE_WIRE_STEER;
}

int uninstall(const alp::proxy::Options& options) {
    const auto done = alp::proxy::Daemon::uninstall(options);
    return done ? 0 : fail(done.error());
}

int run(const alp::proxy::Options& options) {
    auto daemon = alp::proxy::Daemon::start(options);
    if (!daemon) {
        return fail(daemon.error());
    }
    const auto ran = daemon.value()->run();
    return ran ? 0 : fail(ran.error());
}

/// Reads the command line and runs. CLI11 speaks by exceptions; they end in main().
int start(int argc, char** argv) {
    alp::proxy::Options options;
    options.socket = ALPINE_PROXY_SOCKET;
    std::string level = "info";
    std::vector<std::string> wires = {"steer", "classic"};

    CLI::App app("alpined: gives programs under Alpine their devices and ports. One per network namespace, as root.");
    app.set_version_flag("--version",
                         fmt::format("alpined {} (protocol {})", alp::proxy::program_version, ALPINE_PROXY_VERSION));
    app.add_option("--socket", options.socket, "where clients find it: @NAME (abstract) or a path")
        ->envname(ALPINE_PROXY_SOCKET_ENV)
        ->capture_default_str();
    app.add_option("--policy", options.policy_file, "TOML file that says who may use it (default: any local user)");
    app.add_option("--wire", wires,
                   "the wires it offers, steer or classic, or both: the first is for programs that ask for none")
        ->delimiter(',')
        ->check(CLI::IsMember({"steer", "classic"}))
        ->capture_default_str();
    app.add_option("--log-level", level, "error, warning, info or debug")
        ->check(CLI::IsMember({"error", "warning", "info", "debug"}))
        ->capture_default_str();
    bool is_uninstall = false;
    app.add_flag("--uninstall", is_uninstall,
                 "instead of serving: remove every device, filter, map and sysctl that an alpined has left here");
    app.add_flag("--foreground")->description("stay in the foreground: the default, and all there is");
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& wish) {
        return app.exit(wish);  // --help, --version
    }
    alp::proxy::set_log_level(*alp::proxy::parse_log_level(level));
    offer(options, wires);
    return is_uninstall ? uninstall(options) : run(options);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return start(argc, argv);
    } catch (const CLI::ParseError& error) {
        std::fprintf(stderr, "alpined: %s: see alpined --help\n", error.what());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "alpined: %s\n", error.what());
    }
    return exit_cannot_start;
}
