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

namespace alp::proxy {

/// Walks a parsed file. The first thing that is wrong ends the walk.
class PolicyReader {
public:
    PolicyReader(const std::string& path, Policy& policy) : path_(path), policy_(policy) {}

    Result<void> read(const toml::table& file) {
        for (const auto& [name, node] : file) {
            const toml::table* section = node.as_table();
            const bool known = name.str() == "users" || name.str() == "ports" || name.str() == "protocols";
            if (section == nullptr || !known) {
                return complain(node, fmt::format("unknown section '{}' (known: users, ports, protocols)", name.str()));
            }
            if (auto read = read_section(name.str(), *section); !read) {
                return read;
            }
        }
        return {};
    }

private:
    [[nodiscard]] Error complain(const toml::node& where, const std::string& what) const {
        return Error{EINVAL, fmt::format("{}:{}: {}", path_, where.source().begin.line, what)};
    }

    Result<void> read_section(std::string_view name, const toml::table& section) {
        return name == "users" ? read_users(section) : name == "ports" ? read_ports(section) : read_protocols(section);
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

bool Policy::allows_protocol(uid_t uid, std::uint8_t protocol) const {
    const auto grant = protocols_.find(protocol);
    return uid == 0 || (grant != protocols_.end() && (grant->second.all || grant->second.users.contains(uid)));
}

}  // namespace alp::proxy
