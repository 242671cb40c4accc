// SPDX-License-Identifier: GPL-2.0
#include "proxy/refusals.h"

#include <algorithm>
#include <iterator>

namespace alp::proxy {

void Refusals::make_room(uid_t uid) {
    const auto first = entries_.lower_bound(Key{uid, 0, 0});
    const auto end = std::find_if(first, entries_.end(), [uid](const auto& entry) { return entry.first.uid != uid; });
    if (static_cast<std::size_t>(std::distance(first, end)) >= kMostOfOneUser) {
        entries_.erase(std::min_element(
            first, end, [](const auto& a, const auto& b) { return a.second.last_met < b.second.last_met; }));
    }
}

void Refusals::add(const ucred& who, const std::string& comm, const Error& error) {
    const Key key{who.uid, who.pid, error.code};
    auto found = entries_.find(key);
    if (found == entries_.end()) {
        make_room(who.uid);
        found = entries_.emplace(key, Entry{{++last_number_, who.pid, who.uid, error.code, 0, {}, {}}}).first;
    }
    Entry& entry = found->second;
    ++entry.refusal.count;
    entry.refusal.comm = comm;
    entry.refusal.last_line = error.context;
    entry.last_met = ++total_;
}

const Refusal* Refusals::next(std::uint64_t number, uid_t viewer) const {
    const Refusal* next = nullptr;
    for (const auto& [key, entry] : entries_) {
        const Refusal& refusal = entry.refusal;
        if (refusal.number > number && (viewer == 0 || viewer == refusal.uid) &&
            (next == nullptr || refusal.number < next->number)) {
            next = &refusal;
        }
    }
    return next;
}

}  // namespace alp::proxy
