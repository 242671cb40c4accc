// SPDX-License-Identifier: GPL-2.0
#include "proxy/policy/policy.h"

#define TOML_EXCEPTIONS 0
#include <fmt/core.h>
#include <netinet/in.h>
#include <pwd.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>

namespace alp::proxy {

/// Walks a parsed file. The first thing that is wrong ends the walk.
class PolicyReader {
public:
    PolicyReader(const std::string& path, Policy& policy) : path_(path), policy_(policy) {}

    Result<void> read(const toml::table& file) {
        for (const auto& [name, node] : file) {
            if (auto read = read_section(name.str(), node); !read) {
                return read;
            }
        }
        return {};
    }

private:
    [[nodiscard]] Error complain(const toml::node& where, const std::string& what) const {
        return Error{EINVAL, fmt::format("{}:{}: {}", path_, where.source().begin.line, what)};
    }

    Result<void> read_section(std::string_view name, const toml::node& node) {
        const toml::table* section = node.as_table();
        if (section != nullptr && name == "users") {
            return read_users(*section);
        }
        if (section != nullptr && name == "ports") {
            return read_ports(*section);
        }
        if (section != nullptr && name == "limits") {
            return read_limits(*section);
        }
        if (section != nullptr && name == "protocols") {
            return read_protocols(*section);
        }
        return complain(node, fmt::format("unknown section '{}' (known: users, ports, protocols, limits)", name));
    }

    /// What is in [limits] holds for all, also for those who have a section of their own, wherever that stands.
    Result<void> read_limits(const toml::table& section) {
        const toml::node* users = section.get("user");
        for (const auto& [name, node] : section) {
            if (name.str() == "user") {
                continue;
            }
            if (auto read = read_limit(name.str(), node, policy_.limits_); !read) {
                return read;
            }
        }
        if (users == nullptr) {
            return {};
        }
        if (!users->is_table()) {
            return complain(*users, "'user' is no table: write [limits.user.NAME]");
        }
        for (const auto& [name, node] : *users->as_table()) {
            if (auto read = read_limits_of(std::string(name.str()), node); !read) {
                return read;
            }
        }
        return {};
    }

    Result<void> read_limits_of(const std::string& user, const toml::node& node) {
        const auto uid = uid_of(user);
        if (!uid || !node.is_table()) {
            return complain(node, fmt::format("[limits.user.{}]: no user '{}' on this host", user, user));
        }
        Limits& limits = policy_.limits_of_.emplace(*uid, policy_.limits_).first->second;
        for (const auto& [name, value] : *node.as_table()) {
            if (auto read = read_limit(name.str(), value, limits); !read) {
                return read;
            }
        }
        return {};
    }

    Result<void> read_limit(std::string_view name, const toml::node& node, Limits& limits) const {
        const auto value = node.value_exact<std::int64_t>();
        if (!value || *value < 0 || *value > most) {
            return complain(node, fmt::format("'{}' is no number from 0 to {}", name, most));
        }
        const auto number = static_cast<unsigned>(*value);
        if (name == "stacks") {
            limits.stacks = number;
        } else if (name == "ports") {
            limits.ports = number;
        } else if (name == "ephemeral_ports") {
            limits.ephemeral_ports = number;
        } else if (name == "claims_per_second") {
            limits.claims_per_second = number;
        } else {
            return complain(node, fmt::format("unknown limit '{}' (known: stacks, ports, ephemeral_ports, "
                                              "claims_per_second)",
                                              name));
        }
        return {};
    }

    /// By name, or by number written as one.
    static std::optional<uid_t> uid_of(const std::string& user) {
        if (const passwd* entry = getpwnam(user.c_str()); entry != nullptr) {
            return entry->pw_uid;
        }
        uid_t uid = 0;
        const auto end = user.data() + user.size();
        const auto [stop, error] = std::from_chars(user.data(), end, uid);
        return error == std::errc() && stop == end ? std::optional(uid) : std::nullopt;
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
        return allow ? add_to(user, policy_.allow_, &policy_.allow_all_) : add_to(user, policy_.deny_, nullptr);
    }

    /// A user by name or number; "*" where `all` is given.
    Result<void> add_to(const toml::node& user, std::set<uid_t>& users, bool* all) {
        if (const auto id = user.value_exact<std::int64_t>(); id && *id >= 0) {
            users.insert(static_cast<uid_t>(*id));
            return {};
        }
        const auto name = user.value_exact<std::string>();
        if (!name) {
            return complain(user, "a user is a name or a number");
        }
        if (all != nullptr && *name == "*") {
            *all = true;
            return {};
        }
        const passwd* entry = getpwnam(name->c_str());
        if (entry == nullptr) {
            return complain(user, fmt::format("no user '{}' on this host", *name));
        }
        users.insert(entry->pw_uid);
        return {};
    }

    Result<void> read_protocols(const toml::table& section) {
        for (const auto& [name, node] : section) {
            const std::string_view text = name.str();
            unsigned protocol = 0;
            const auto parsed = std::from_chars(text.data(), text.data() + text.size(), protocol);
            if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size() || protocol > 255 ||
                !node.is_array()) {
                return complain(node, fmt::format("'{}' is no protocol's number with a list of users", text));
            }
            if (is_claimed_by_port(protocol)) {
                return complain(node, fmt::format("protocol {} is claimed by port, not as a whole", protocol));
            }
            auto& grant = policy_.protocols_[static_cast<std::uint8_t>(protocol)];
            for (const auto& user : *node.as_array()) {
                if (auto added = add_to(user, grant.users, &grant.all); !added) {
                    return added;
                }
            }
        }
        return {};
    }

    /// ICMP by the id of its echo requests.
    static bool is_claimed_by_port(unsigned protocol) {
        return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_UDPLITE ||
               protocol == IPPROTO_SCTP || protocol == IPPROTO_DCCP || protocol == IPPROTO_ICMP ||
               protocol == IPPROTO_ICMPV6;
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

    static constexpr std::int64_t most = 1'000'000'000;

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

Limits Policy::limits(uid_t uid) const {
    const auto own = limits_of_.find(uid);
    return own != limits_of_.end() ? own->second : limits_;
}

bool Policy::allows_port(uid_t uid, std::uint16_t port, std::uint16_t host_first) const {
    return uid == 0 || port >= unprivileged_from_.value_or(host_first);
}

bool Policy::allows_protocol(uid_t uid, std::uint8_t protocol) const {
    const auto grant = protocols_.find(protocol);
    return uid == 0 || (grant != protocols_.end() && (grant->second.all || grant->second.users.contains(uid)));
}

}  // namespace alp::proxy
