// SPDX-License-Identifier: GPL-2.0
#include "proxy/policy/policy.h"

#define TOML_EXCEPTIONS 0
#include <fmt/core.h>
#include <pwd.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <cerrno>

namespace alp::proxy {

/// Walks a parsed file. The first thing that is wrong ends the walk.
class PolicyReader {
public:
    PolicyReader(const std::string& path, Policy& policy) : path_(path), policy_(policy) {}

    Result<void> read(const toml::table& file) {
        for (const auto& [name, node] : file) {
            const toml::table* section = node.as_table();
            const bool users = name.str() == "users";
            if (section == nullptr || (!users && name.str() != "ports")) {
                return complain(node, fmt::format("unknown section '{}' (known: users, ports)", name.str()));
            }
            if (auto read = users ? read_users(*section) : read_ports(*section); !read) {
                return read;
            }
        }
        return {};
    }

private:
    [[nodiscard]] Error complain(const toml::node& where, const std::string& what) const {
        return Error{EINVAL, fmt::format("{}:{}: {}", path_, where.source().begin.line, what)};
    }

    Result<void> read_users(const toml::table& section) {
        for (const auto& [name, node] : section) {
            const bool allow = name.str() == "allow";
            if (!node.is_array() || (!allow && name.str() != "deny")) {
                return complain(node, fmt::format("'{}' is no list of users (known: allow, deny)", name.str()));
            }
            if (allow) {
                policy_.allow_all_ = false;
            }
            for (const auto& user : *node.as_array()) {
                if (auto added = add_user(user, allow); !added) {
                    return added;
                }
            }
        }
        return {};
    }

    Result<void> add_user(const toml::node& user, bool allow) {
        auto& users = allow ? policy_.allow_ : policy_.deny_;
        if (const auto id = user.value_exact<std::int64_t>(); id && *id >= 0) {
            users.insert(static_cast<uid_t>(*id));
            return {};
        }
        const auto name = user.value_exact<std::string>();
        if (!name) {
            return complain(user, "a user is a name or a number");
        }
        if (allow && *name == "*") {
            policy_.allow_all_ = true;
            return {};
        }
        const passwd* entry = getpwnam(name->c_str());
        if (entry == nullptr) {
            return complain(user, fmt::format("no user '{}' on this host", *name));
        }
        users.insert(entry->pw_uid);
        return {};
    }

    Result<void> read_ports(const toml::table& section) {
        for (const auto& [name, node] : section) {
            const auto port = node.value_exact<std::int64_t>();
            if (name.str() != "unprivileged_from" || !port || *port < 0 || *port > 65535) {
                return complain(node, fmt::format("'{}': known is unprivileged_from, a port", name.str()));
            }
            policy_.unprivileged_from_ = static_cast<std::uint16_t>(*port);
        }
        return {};
    }

    const std::string& path_;
    Policy& policy_;
};

Result<Policy> Policy::load(const std::string& path) {
    if (access(path.c_str(), R_OK) != 0) {
        return Error{errno, "cannot read the policy file " + path};
    }
    const toml::parse_result parsed = toml::parse_file(path);
    if (!parsed) {
        const auto& error = parsed.error();
        return Error{EINVAL, fmt::format("{}:{}: {}", path, error.source().begin.line, error.description())};
    }
    Policy policy;
    if (auto read = PolicyReader(path, policy).read(parsed.table()); !read) {
        return read.error();
    }
    return policy;
}

bool Policy::allows_user(uid_t uid) const {
    return uid == 0 || (!deny_.contains(uid) && (allow_all_ || allow_.contains(uid)));
}

bool Policy::allows_port(uid_t uid, std::uint16_t port, std::uint16_t host_first) const {
    return uid == 0 || port >= unprivileged_from_.value_or(host_first);
}

}  // namespace alp::proxy
