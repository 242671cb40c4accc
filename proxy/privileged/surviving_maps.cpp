// SPDX-License-Identifier: GPL-2.0
#include "proxy/privileged/surviving_maps.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <net/if.h>

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "abi/steering_state.h"
#include "proxy/privileged/filter.h"

namespace alp::proxy {
namespace {

constexpr std::size_t max_maps = 64;

std::optional<bpf_map_info> info_of_map(int map) {
    bpf_map_info info{};
    std::uint32_t length = sizeof(info);
    return bpf_obj_get_info_by_fd(map, &info, &length) == 0 ? std::optional(info) : std::nullopt;
}

/// The maps of one program, if root loaded it.
MapsByName maps_of(const UniqueFd& program) {
    std::array<std::uint32_t, max_maps> ids{};
    bpf_prog_info info{};
    std::uint32_t length = sizeof(info);
    info.nr_map_ids = ids.size();
    info.map_ids = reinterpret_cast<std::uintptr_t>(ids.data());
    MapsByName maps;
    if (bpf_obj_get_info_by_fd(program.get(), &info, &length) != 0 || info.created_by_uid != 0) {
        return maps;
    }
    for (std::size_t i = 0; i < info.nr_map_ids && i < ids.size(); ++i) {
        UniqueFd map(bpf_map_get_fd_by_id(ids[i]));
        if (const auto found = map.valid() ? info_of_map(map.get()) : std::nullopt; found) {
            maps[found->name] = std::move(map);
        }
    }
    return maps;
}

bool fits(const bpf_map* wanted, int found) {
    const auto info = info_of_map(found);
    return info && info->type == bpf_map__type(wanted) && info->key_size == bpf_map__key_size(wanted) &&
           info->value_size == bpf_map__value_size(wanted) && info->max_entries == bpf_map__max_entries(wanted) &&
           info->map_flags == bpf_map__map_flags(wanted);
}

bool has_our_layout(const MapsByName& maps) {
    const auto layout = maps.find("layout");
    const std::uint32_t key = 0;
    std::uint32_t version = 0;
    return layout != maps.end() && bpf_map_lookup_elem(layout->second.get(), &key, &version) == 0 &&
           version == ALPINE_STEERING_LAYOUT;
}

bool all_fit(bpf_object* object, const MapsByName& maps) {
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        const auto found = maps.find(bpf_map__name(map));
        if (found == maps.end() || !fits(map, found->second.get())) {
            return false;
        }
    }
    return has_our_layout(maps);
}

bool is_to_be_put_back(std::string_view name) { return name == "settings" || name == "devices"; }

}  // namespace

MapsByName find_surviving_maps() {
    const std::unique_ptr<struct if_nameindex, void (*)(struct if_nameindex*)> devices(if_nameindex(),
                                                                                       if_freenameindex);
    for (const auto* device = devices.get(); device != nullptr && device->if_index != 0; ++device) {
        const UniqueFd program = program_on(device->if_index);
        if (MapsByName maps = program.valid() ? maps_of(program) : MapsByName(); maps.contains("devices")) {
            return maps;
        }
    }
    return {};
}

Takeover reuse_maps(bpf_object* object, const MapsByName& maps) {
    if (maps.empty()) {
        return Takeover::none;
    }
    const bool complete = all_fit(object, maps);
    bpf_map* map = nullptr;
    bpf_object__for_each_map(map, object) {
        const char* name = bpf_map__name(map);
        const auto found = maps.find(name);
        if (found != maps.end() && (complete || (is_to_be_put_back(name) && fits(map, found->second.get())))) {
            bpf_map__reuse_fd(map, found->second.get());
        }
    }
    return complete ? Takeover::complete : Takeover::incompatible;
}

}  // namespace alp::proxy
