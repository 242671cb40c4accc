// SPDX-License-Identifier: GPL-2.0
#include "proxy/survivors.h"

#include <vector>

#include "proxy/bound_socket.h"
#include "proxy/log.h"
#include "proxy/privileged/link.h"
#include "proxy/privileged/reset.h"

namespace alp::proxy {
// First the flows, so that nothing more is steered to the stack; then the sockets that held the ports (they go with the
// claims), then its line. From here on the host answers for these ports: its peers get a reset, and those that would
// never ask are asked.
void end_stack(Wires& wires, ClaimTable& claims, unsigned ifindex, const std::function<void()>& remove_line) {
    claims.release_all(ifindex);
    const auto left_open = wires.take_connections(ifindex);
    wires.forget(ifindex);
    remove_line();
    provoke_resets(left_open);
}

bool Survivors::has_device(unsigned ifindex, const alpine_stack_record& record) const {
    const auto link = host_.links().find(ifindex);
    return link != host_.links().end() && link->second.kind == "tun" && link->second.ifname == record.ifname;
}

const alpine_stack_record* Survivors::find(unsigned ifindex) const {
    const auto found = all_.find(ifindex);
    return found != all_.end() ? &found->second : nullptr;
}

void Survivors::adopt_all() {
    all_ = wires_.recorded_stacks();
    for (const auto& [ifindex, record] : all_) {
        if (!has_device(ifindex, record)) {
            continue;
        }
        if (auto renewed = wires_.renew_tun(ifindex); !renewed) {
            log(LogLevel::error, "{}: {}", record.ifname, renewed.error().message());
        }
    }
    adopt_flows();
    bury_dead();
    if (!all_.empty()) {
        log(LogLevel::info, "{} stacks have outlived the alpined before, with {} endpoints", all_.size(),
            claims_.size());
    }
}

void Survivors::adopt_flows() {
    for (const auto& [key, records] : wires_.flows()) {
        std::vector<AdoptedOwner> owners;
        for (const auto& record : records) {
            if (const auto* stack = find(record.ifindex); stack != nullptr) {
                const bool port = (record.sharing & ALPINE_SHARING_PORT) != 0;
                const bool address = (record.sharing & ALPINE_SHARING_ADDRESS) != 0;
                owners.push_back({record.ifindex, record.accepts != 0, {port, address, stack->uid}});
            }
        }
        if (owners.empty()) {
            wires_.erase(key);
        } else {
            claims_.adopt(key, owners, hold_port);
        }
    }
}

std::vector<unsigned> Survivors::bury_dead() {
    std::vector<unsigned> dead;
    for (const auto& [ifindex, record] : all_) {
        if (!has_device(ifindex, record) || !host_.links().at(ifindex).carrier) {
            dead.push_back(ifindex);
        }
    }
    for (const unsigned ifindex : dead) {
        end(ifindex);
    }
    return dead;
}

void Survivors::end_all() {
    while (!all_.empty()) {
        end(all_.begin()->first);
    }
}

void Survivors::end(unsigned ifindex) {
    const alpine_stack_record record = all_[ifindex];
    // Whoever made the device persistent must not keep it: nobody has its queue.
    end_stack(wires_, claims_, ifindex, [&] {
        if (has_device(ifindex, record)) {
            delete_link(ifindex);
        }
    });
    all_.erase(ifindex);
    log(LogLevel::info, "{} pid {} (uid {}): stack on {} ended without its client", record.comm, record.pid, record.uid,
        record.ifname);
}

}  // namespace alp::proxy
