// SPDX-License-Identifier: GPL-2.0
// Who may use Alpine on this host, from a TOML file:
//
//   [users]
//   allow = ["*"]            # names or numeric ids; "*" is everybody (the default)
//   deny = ["guest", 1007]   # wins over allow
//
//   [ports]
//   unprivileged_from = 1024 # lowest port for users other than root on transports the host's kernel lacks;
//                            # default: the host's net.ipv4.ip_unprivileged_port_start
//
//   [protocols]              # protocols without ports, by number: who may have them (names, numeric ids, "*")
//   253 = ["alice", 1000]    # default: nobody but root
//
//   [limits]                 # of each user but root; every one may be left out
//   stacks = 256             # at one time
//   ports = 32768            # claimed ports, all stacks together
//   ephemeral_ports = 14116   # of those, within the host's ip_local_port_range; default: half of it
//   claims_per_second = 20000
//
//   [limits.user.alice]      # or a numeric id in quotes: what differs for one user
//   stacks = 4
//
// Root is always allowed. For transports the host has, the host's own bind(2) decides about ports.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "proxy/policy/limits.h"

namespace alp::proxy {

class Policy {
public:
    /// Any local user.
    Policy() = default;

    /// Errors: the file cannot be read, is no TOML, has a key or a user that does not exist. The context begins
    /// with "file:line" where there is one.
    static Result<Policy> load(const std::string& path);

    [[nodiscard]] bool allows_user(uid_t uid) const;

    /// `host_first` is the host's ip_unprivileged_port_start.
    [[nodiscard]] bool allows_port(uid_t uid, std::uint16_t port, std::uint16_t host_first) const;

    /// A protocol without ports, as a whole.
    [[nodiscard]] bool allows_protocol(uid_t uid, std::uint8_t protocol) const;
    /// Of a user other than root.
    [[nodiscard]] Limits limits(uid_t uid) const;

private:
    friend class PolicyReader;

    /// Named users, and whether everybody is.
    struct Grant {
        bool all = false;
        std::set<uid_t> users;
    };

    bool allow_all_ = true;
    std::set<uid_t> allow_;
    std::set<uid_t> deny_;
    std::optional<std::uint16_t> unprivileged_from_;
    std::map<std::uint8_t, Grant> protocols_;
    Limits limits_;
    std::map<uid_t, Limits> limits_of_;
};

}  // namespace alp::proxy
