// SPDX-License-Identifier: GPL-2.0
// Configuring the stack's own devices by its own rtnetlink.
#pragma once

#include "base/result.h"
#include "wire/plan.h"
#include "wire/rtnetlink.h"

namespace alp::wire {

/// Changes the links, addresses and routes of the stack. Use from one thread at a time.
class StackConfig {
public:
    explicit StackConfig(Channel& stack) : stack_(stack) {}

    /// Brings up lo (which gives itself 127.0.0.1/8 and ::1/128) and alp0; no harm
    /// done when they are up. ENODEV: the stack has no wire.
    Result<void> bring_up(std::uint32_t mtu_bytes);

    /// Makes a change. Addresses must all succeed; a single route that the stack refuses is left out and counted,
    /// because one odd route of the host must not keep every program from starting.
    Result<void> apply(const MirrorChange& change);

    /// Routes the stack refused so far.
    [[nodiscard]] unsigned refused_routes() const { return refused_routes_; }

private:
    Result<int> link_index(const char* name);
    Result<void> set_up(int index);
    Result<void> prepare_wire(std::uint32_t mtu_bytes);
    Result<void> change_address(const Address& address, bool add);
    Result<void> change_route(const Route& route, bool add);
    void add_route(const Route& route);

    Channel& stack_;
    int wire_index_ = 0;
    unsigned refused_routes_ = 0;
};

}  // namespace alp::wire
