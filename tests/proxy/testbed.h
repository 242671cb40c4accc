// SPDX-License-Identifier: GPL-2.0
// Two hosts in network namespaces, joined by a veth pair, the first with an alpined of the build under test.
//
//   a: 10.79.0.1, fd79::1, alpined         b: 10.79.0.2, fd79::2
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/unique_fd.h"

namespace alp::test {

inline constexpr const char* address_a4 = "10.79.0.1";
inline constexpr const char* address_b4 = "10.79.0.2";
inline constexpr const char* address_a6 = "fd79::1";
inline constexpr const char* address_b6 = "fd79::2";

/// Runs a shell command and fails the test if it does not succeed.
void run(const std::string& command);

/// What a shell command prints, whatever it exits with.
std::string output_of(const std::string& command);

/// One network namespace, deleted with the object.
class Namespace {
public:
    explicit Namespace(std::string name);
    Namespace(const Namespace&) = delete;
    Namespace& operator=(const Namespace&) = delete;
    ~Namespace();

    [[nodiscard]] const std::string& name() const { return name_; }
    /// "ip -n NAME", to be followed by more.
    [[nodiscard]] std::string ip() const { return "ip -n " + name_ + " "; }
    [[nodiscard]] std::string exec() const { return "ip netns exec " + name_ + " "; }

    /// The calling thread moves there for good.
    void enter() const;

private:
    std::string name_;
};

/// The calling thread is in the namespace while this is in scope.
class Inside {
public:
    explicit Inside(const Namespace& space);
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside();

private:
    UniqueFd previous_;
};

/// A child process, killed with the object.
class Child {
public:
    /// Forks; `body` runs in the child, whose exit code is what it returns.
    explicit Child(const std::function<int()>& body);
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    [[nodiscard]] pid_t pid() const { return pid_; }
    /// Sends a signal and waits; answers the wait status.
    int end(int signal);

private:
    pid_t pid_;
    bool ended_ = false;
};

class Testbed {
public:
    Testbed();
    Testbed(const Testbed&) = delete;
    Testbed& operator=(const Testbed&) = delete;
    ~Testbed();

    [[nodiscard]] const Namespace& a() const { return a_; }
    [[nodiscard]] const Namespace& b() const { return b_; }

    void start_alpined();
    /// Ends alpined; answers the wait status.
    int end_alpined(int signal);
    [[nodiscard]] pid_t alpined_pid() const { return alpined_->pid(); }
    [[nodiscard]] std::string log() const;

    /// How many devices of stacks host a has.
    [[nodiscard]] int tun_count() const;

private:
    Namespace a_;
    Namespace b_;
    std::string log_path_;
    std::unique_ptr<Child> alpined_;
};

/// Waits for a condition; answers whether it came about.
bool within(std::chrono::seconds time, const std::function<bool()>& condition);
bool within_a_second(const std::function<bool()>& condition);

}  // namespace alp::test
