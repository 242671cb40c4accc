// SPDX-License-Identifier: GPL-2.0
#include "tests/proxy/testbed.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <thread>

#include "proxy/client/client.h"

namespace alp::test {
namespace {

UniqueFd open_namespace(const std::string& path) { return UniqueFd(open(path.c_str(), O_RDONLY | O_CLOEXEC)); }

void enter_namespace(const UniqueFd& space) {
    if (setns(space.get(), CLONE_NEWNET) != 0) {
        perror("setns");
        std::abort();
    }
}

std::string unique_name(const char* host) { return "alpt-proxy-" + std::to_string(getpid()) + "-" + host; }

// Without duplicate address detection, which would keep IPv6 waiting for two seconds.
void set_up_host(const Namespace& host, const char* v4, const char* v6) {
    run(host.exec() + "sysctl -qw net.ipv6.conf.veth0.accept_dad=0");
    run(host.ip() + "link set lo up");
    run(host.ip() + "addr add " + v4 + "/24 dev veth0");
    run(host.ip() + "addr add " + v6 + "/64 dev veth0 nodad");
    run(host.ip() + "link set veth0 up");
}

/// The kernel reports a new link's carrier up to a second late, and IPv6 does not speak before.
void wait_for_ipv6(const Namespace& host) {
    for (int seconds = 0; seconds < 3; ++seconds) {
        if (within_a_second(
                [&] { return output_of(host.ip() + "-6 addr show dev veth0").find("fe80") != std::string::npos; })) {
            return;
        }
    }
    ADD_FAILURE() << "no IPv6 on " << host.name();
}

}  // namespace

void run(const std::string& command) { ASSERT_EQ(std::system(command.c_str()), 0) << command; }

std::string output_of(const std::string& command) {
    std::string output;
    FILE* pipe = popen(("{ " + command + "; } 2>&1").c_str(), "r");
    std::array<char, 4096> chunk{};
    while (const std::size_t length = fread(chunk.data(), 1, chunk.size(), pipe)) {
        output.append(chunk.data(), length);
    }
    pclose(pipe);
    return output;
}

Namespace::Namespace(std::string name) : name_(std::move(name)) { run("ip netns add " + name_); }

Namespace::~Namespace() { run("ip netns del " + name_); }

void Namespace::enter() const { enter_namespace(open_namespace("/run/netns/" + name_)); }

Inside::Inside(const Namespace& space) : previous_(open_namespace("/proc/thread-self/ns/net")) { space.enter(); }

Inside::~Inside() { enter_namespace(previous_); }

Child::Child(const std::function<int()>& body) : pid_(fork()) {
    if (pid_ == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        _exit(body());
    }
}

Child::~Child() {
    if (!ended_) {
        end(SIGKILL);
    }
}

int Child::end(int signal) {
    int status = 0;
    kill(pid_, signal);
    waitpid(pid_, &status, 0);
    ended_ = true;
    return status;
}

Testbed::Testbed()
    : a_(unique_name("a")), b_(unique_name("b")), log_path_(testing::TempDir() + unique_name("log") + ".txt") {
    run("ip link add veth0 netns " + a_.name() + " type veth peer name veth0 netns " + b_.name());
    set_up_host(a_, address_a4, address_a6);
    set_up_host(b_, address_b4, address_b6);
    wait_for_ipv6(a_);
    wait_for_ipv6(b_);
    start_alpined();
}

Testbed::~Testbed() { unlink(log_path_.c_str()); }

void Testbed::start_alpined() {
    alpined_ = std::make_unique<Child>([this] {
        a_.enter();
        const int log = open(log_path_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        dup2(log, STDERR_FILENO);
        execl(ALPINED_PATH, "alpined", "--log-level", "debug", nullptr);
        return 1;
    });
    const Inside inside(a_);
    // It listens before it is ready, but answers only then: the host's kernel looks through its programs first.
    ASSERT_TRUE(within(std::chrono::seconds(10), [] {
        proxy::Client client;
        return client.connect(ALPINE_PROXY_SOCKET).ok() && client.status().ok();
    })) << log();
}

int Testbed::end_alpined(int signal) { return alpined_->end(signal); }

std::string Testbed::log() const {
    std::ostringstream text;
    text << std::ifstream(log_path_).rdbuf();
    return text.str();
}

int Testbed::tun_count() const {
    std::istringstream links(output_of(a_.ip() + "-brief link show type tun"));
    int count = 0;
    for (std::string line; std::getline(links, line);) {
        ++count;
    }
    return count;
}

bool within_a_second(const std::function<bool()>& condition) { return within(std::chrono::seconds(1), condition); }

bool within(std::chrono::seconds time, const std::function<bool()>& condition) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

}  // namespace alp::test
