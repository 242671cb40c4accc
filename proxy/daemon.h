// SPDX-License-Identifier: GPL-2.0
// alpined put together: the listener, the host's devices, the clients, and an orderly end.
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/event_loop.h"
#include "proxy/host_monitor.h"
#include "proxy/policy/policy.h"
#include "proxy/privileged/steering.h"
#include "proxy/privileged/sysctl.h"
#include "proxy/service.h"

namespace alp::proxy {

struct Options {
    std::string socket;
    std::string policy_file;  ///< empty: the default policy
};

class Daemon {
public:
    /// Everything that can fail at the start; the host is touched only once nobody else is found to serve it.
    static Result<std::unique_ptr<Daemon>> start(const Options& options);

    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    /// Until SIGTERM or SIGINT.
    Result<void> run();

private:
    Daemon(EventLoop loop, HostMonitor host, Policy policy)
        : loop_(std::move(loop)), host_(std::move(host)), policy_(std::move(policy)) {}

    Result<void> prepare(const Options& options);
    Result<void> catch_signals();
    Result<void> start_audit();
    void accept_clients();
    void serve(Session& session);
    void disconnect(Session& session);
    void update_host();
    /// Brings steering in line with the devices and addresses there are.
    void reconcile();
    void reconcile_devices();
    void reconcile_addresses();
    [[nodiscard]] bool is_steered_device(unsigned ifindex, const Link& link) const;

    EventLoop loop_;
    HostMonitor host_;
    Policy policy_;
    std::string socket_;
    UniqueFd listener_;
    UniqueFd signals_;
    UniqueFd audit_timer_;
    ReversePathFilter reverse_path_filter_;
    std::unique_ptr<Steering> steering_;
    std::unique_ptr<Service> service_;  // before steering_ in destruction: TUNs go first
    std::set<unsigned> devices_;        // that steering has been tried on
    std::map<in6_addr, alpine_address_use, AddressLess> addresses_;
};

}  // namespace alp::proxy
