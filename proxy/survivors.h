// SPDX-License-Identifier: GPL-2.0
// Stacks that have outlived the alpined that made them, until their clients come back.
//
// Theory of operation
//
// A stack's TUN lives as long as its process holds the queue, its flows stay in the steering map, and the programs run
// without alpined: so packets come and go while there is none. The next alpined reads from the maps whose stacks there
// are and what was steered to them, and steers on. It holds the ports that are free (those that the client holds by
// itself, it need not), and gives none of them to anybody else. A client that comes back takes its stack out of here.
// A client may be long in coming (stopped in a debugger), so nobody is given up for being late: what ends a survivor is
// that nobody has its queue any more, so that its device is gone or, if somebody made it persistent, has no carrier.
// The process that it was made for may have left it to others (fork). Then its peers are told, as for any dead stack.
#pragma once

#include <functional>
#include <map>
#include <vector>

#include "abi/steering_state.h"
#include "proxy/claim_table.h"
#include "proxy/host_monitor.h"
#include "proxy/wires.h"

namespace alp::proxy {

/// Takes back all that a stack had: its flows, then the sockets that held their ports, then its place in the maps; and
/// asks the peers of its open connections for a word (privileged/reset.h) once its line, which `remove_line` takes
/// away, is gone too.
void end_stack(Wires& wires, ClaimTable& claims, unsigned ifindex, const std::function<void()>& remove_line);

class Survivors {
public:
    /// All must outlive it.
    Survivors(Wires& wires, const HostMonitor& host, ClaimTable& claims)
        : wires_(wires), host_(host), claims_(claims) {}

    /// Reads the maps, renews the programs on the TUNs, ends the stacks that are gone and the flows that nobody has.
    void adopt_all();

    /// Ends those that are gone by now; answers them. To be called when a device went, and about once a second.
    std::vector<unsigned> bury_dead();

    /// Ends them all, living or not.
    void end_all();

    /// The survivor behind a TUN is no longer one: its client is back. The caller goes on with its claims.
    void take(unsigned ifindex) { all_.erase(ifindex); }

    [[nodiscard]] const alpine_stack_record* find(unsigned ifindex) const;
    [[nodiscard]] const std::map<unsigned, alpine_stack_record>& all() const { return all_; }

private:
    [[nodiscard]] bool has_device(unsigned ifindex, const alpine_stack_record& record) const;
    void adopt_flows();
    void end(unsigned ifindex);

    Wires& wires_;
    const HostMonitor& host_;
    ClaimTable& claims_;
    std::map<unsigned, alpine_stack_record> all_;  // by ifindex
};

}  // namespace alp::proxy
