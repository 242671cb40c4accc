// SPDX-License-Identifier: GPL-2.0
// What alpined does for its clients: one answer for each request of abi/proxy.h.
//
// A Session is one connection. It may own a stack (after ATTACH or REATTACH): a line and claims, which go when it goes.
// Everything happens on the one thread of the event loop.
#pragma once

#include <sys/socket.h>

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "base/unique_fd.h"
#include "proxy/claim_table.h"
#include "proxy/host_monitor.h"
#include "proxy/line.h"
#include "proxy/message_io.h"
#include "proxy/policy/policy.h"
#include "proxy/privileged/tun.h"
#include "proxy/quota.h"
#include "proxy/refusals.h"
#include "proxy/survivors.h"
#include "proxy/wires.h"

namespace alp::proxy {

/// A client's stack, as far as alpined knows it.
struct Stack {
    std::unique_ptr<Line> line;
    std::string comm;
    bool settled = true;  ///< false: it came by REATTACH and has not yet named all its claims
};

/// One connection. `peer` is who connected it.
struct Session {
    UniqueFd connection;
    ucred peer;
    std::optional<Stack> stack;
};

class Service {
public:
    /// All must outlive the service. `own_netns`: cookie of alpined's network namespace.
    Service(Wires& wires, const HostMonitor& host, const Policy& policy, std::uint64_t own_netns)
        : wires_(wires),
          host_(host),
          policy_(policy),
          own_netns_(own_netns),
          claims_(wires),
          survivors_(wires, host, claims_),
          quota_(policy) {
        adopt_survivors();
    }

    Session& open(UniqueFd connection, const ucred& peer);

    /// Takes back all that the session owns, and closes it.
    void close(Session& session);

    /// Answers one message. False: the session is beyond repair (not our protocol, or it does not read its
    /// replies) and must be closed.
    [[nodiscard]] bool serve(Session& session, Incoming message);

    /// Ends the claims whose sockets gave back their ports: the host may have given them to others. Holds the ports
    /// that nobody holds. Buries the stacks that outlived the alpined before and then died. To be called about once a
    /// second.
    void audit();

    /// To be called when a device is gone.
    void bury_dead();

    /// Is there a stack, of a client or from before, that needs no alpined for its packets?
    [[nodiscard]] bool has_lasting_stacks() const;

    /// Ends the stacks that no client has come back for, though they live.
    void end_survivors() { survivors_.end_all(); }

    /// alpined ends and those stacks do not: from now on their devices are their own.
    void leave_stacks();

    /// Is this device the TUN of a stack?
    [[nodiscard]] bool owns_device(unsigned ifindex) const;

private:
    /// Why a request is refused; every handler either replies or answers this.
    using Outcome = Result<void>;

    Outcome dispatch(Session& session, const alpine_msg_header& header, Incoming& message);
    Outcome attach(Session& session, const Incoming& message);
    Outcome reattach(Session& session, Incoming& message);
    Outcome settled(Session& session, const Incoming& message);
    Outcome far_end(Session& session, const Incoming& message);
    Outcome claim(Session& session, Incoming& message);
    Outcome lease(Session& session, const Incoming& message);
    Outcome release(Session& session, const Incoming& message);
    Outcome accepting(Session& session, const Incoming& message);
    Outcome list(Session& session, const Incoming& message);
    Outcome refusals(Session& session, const Incoming& message);
    Outcome status(Session& session, const Incoming& message);

    void adopt_survivors();
    Result<void> admit_new_stack(const Session& session) const;
    Result<Stack> make_stack(const Session& session, std::uint32_t wire, const std::string& comm);
    Outcome own_stack(Session& session, Stack stack, const alpine_msg_header& request, int queue);
    Result<Stack> take_stack(const Session& session, UniqueFd queue, const TunIdentity& tun, const std::string& comm);
    Outcome reattach_line(Session& session, Incoming& message);
    [[nodiscard]] Result<alpine_endpoint> admit_again(const alpine_endpoint& wanted, const Incoming& message) const;
    Result<alpine_endpoint> admit(const Session& session, const Incoming& message);
    void look_for_host_connections(const alpine_flow_key& key, const Sharing& sharing);
    void look_at_split_ports();
    [[nodiscard]] Sharing sharing_of(const Session& session, const alpine_endpoint& endpoint, int socket) const;
    [[nodiscard]] const Session* next_visible(const Session& viewer, unsigned after_ifindex) const;
    [[nodiscard]] alpine_list_reply record_of(const Session& session, const alpine_msg_header& request) const;
    void count_refusal(const Session& session, const Incoming& message, const Error& error);
    [[nodiscard]] bool refuse(Session& session, const Incoming& message, const Error& error);

    Wires& wires_;
    const HostMonitor& host_;
    const Policy& policy_;
    std::uint64_t own_netns_;
    ClaimTable claims_;
    Survivors survivors_;
    Quota quota_;
    std::map<int, std::unique_ptr<Session>> sessions_;  // by connection
    std::map<unsigned, Session*> stacks_;               // by ifindex of the line
    std::set<std::uint16_t> split_ports_;               // see Steering
    Refusals refusals_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

}  // namespace alp::proxy
