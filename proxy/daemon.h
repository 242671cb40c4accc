// SPDX-License-Identifier: GPL-2.0
// alpined put together: the listener, the host's devices, the clients, and the end, which a stack survives.
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
#include "proxy/service.h"
#include "proxy/wires.h"

namespace alp::proxy {

struct Options {
    std::string socket;
    std::string policy_file;  ///< empty: the default policy; read again on SIGHUP
    bool steer = true;        ///< offer the steer wire
    bool classic = true;      ///< offer the classic wire
    alpine_wire preferred = ALPINE_WIRE_STEER;
};

class Daemon {
public:
    /// Everything that can fail at the start; the host is touched only once nobody else is found to serve it.
    static Result<std::unique_ptr<Daemon>> start(const Options& options);

    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;
    ~Daemon();

    /// Until SIGTERM or SIGINT. If there are stacks on the steer wire then, everything is left as it is, for the
    /// alpined after this one; else everything is put back.
    Result<void> run();

    /// Instead of running: takes all off this network namespace that an alpined has ever put there, the devices of
    /// stacks that still run included. Errors: EADDRINUSE an alpined runs.
    static Result<void> uninstall(const Options& options);

private:
    Daemon(EventLoop loop, HostMonitor host, Policy policy)
        : loop_(std::move(loop)), host_(std::move(host)), policy_(std::move(policy)) {}

    Result<void> prepare(const Options& options);
    Result<void> take_listener(const Options& options);
    Result<void> prepare_wires(const Options& options);
    Result<void> prepare_steering();
    /// The host's devices are steered from the first stack on that wire until some seconds after the last.
    Result<void> begin_steering();
    void end_steering_if_idle();
    Result<void> catch_signals();
    void take_signal();
    void reload_policy();
    Result<void> start_audit();
    void accept_clients();
    void serve(Session& session);
    void disconnect(Session& session);
    void update_host();
    /// Brings steering in line with the devices and addresses there are.
    void reconcile();
    void reconcile_devices();
    Result<void> attach(unsigned ifindex, const Link& link);
    void reconcile_addresses();
    /// Nothing is left of alpined on the host but the TUNs of stacks, if any.
    void withdraw();
    void remove_unknown_tuns();
    [[nodiscard]] bool is_steered_device(unsigned ifindex, const Link& link) const;

    EventLoop loop_;
    HostMonitor host_;
    Policy policy_;
    std::string policy_file_;
    std::string socket_;
    bool owns_socket_ = false;  // the listener is not somebody else's who passed it on
    UniqueFd listener_;
    UniqueFd signals_;
    UniqueFd audit_timer_;
    std::unique_ptr<Steering> steering_;  // null when the wire is not offered, as the next
    std::unique_ptr<classic::Wire> classic_;
    std::unique_ptr<Wires> wires_;
    std::unique_ptr<Service> service_;  // before the wires in destruction: lines go first
    bool steers_ = false;
    unsigned idle_audits_ = 0;    // in a row
    std::set<unsigned> devices_;  // that steering has been tried on
    std::map<in6_addr, alpine_address_use, AddressLess> addresses_;
};

}  // namespace alp::proxy
