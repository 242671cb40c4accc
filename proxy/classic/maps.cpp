// SPDX-License-Identifier: GPL-2.0
#include "proxy/classic/maps.h"

#include <linux/bpf.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>

namespace {

struct BytesHash {
    using is_transparent = void;
    std::size_t operator()(std::string_view bytes) const { return std::hash<std::string_view>{}(bytes); }
};

/// One map. Age is that of the last use.
class Table {
public:
    void* find(std::string_view key) {
        const auto found = entries_.find(key);
        return found == entries_.end() ? nullptr : found->second.value.get();
    }

    /// Makes it the youngest.
    void* use(std::string_view key) {
        const auto found = entries_.find(key);
        if (found == entries_.end()) {
            return nullptr;
        }
        by_age_.splice(by_age_.end(), by_age_, found->second.age);
        return found->second.value.get();
    }

    void set(std::string_view key, const void* value, std::size_t value_bytes) {
        const auto found = entries_.find(key);
        if (found != entries_.end()) {
            std::memcpy(found->second.value.get(), value, value_bytes);
            by_age_.splice(by_age_.end(), by_age_, found->second.age);
            return;
        }
        // std::uint64_t, so that any value is aligned.
        auto memory = std::make_unique<std::uint64_t[]>((value_bytes + 7) / 8);
        std::memcpy(memory.get(), value, value_bytes);
        const auto age = by_age_.insert(by_age_.end(), std::string(key));
        entries_.emplace(*age, Entry{std::move(memory), age});
    }

    bool erase(std::string_view key) {
        const auto found = entries_.find(key);
        if (found == entries_.end()) {
            return false;
        }
        by_age_.erase(found->second.age);
        entries_.erase(found);
        return true;
    }

    void erase_oldest() { erase(std::string(by_age_.front())); }

    [[nodiscard]] std::size_t size() const { return entries_.size(); }
    [[nodiscard]] const std::list<std::string>& keys() const { return by_age_; }

private:
    struct Entry {
        std::unique_ptr<std::uint64_t[]> value;
        std::list<std::string>::iterator age;
    };

    std::unordered_map<std::string, Entry, BytesHash, std::equal_to<>> entries_;
    std::list<std::string> by_age_;
};

std::unordered_map<const void*, Table>& tables() {
    static std::unordered_map<const void*, Table> all;
    return all;
}

Table& table_of(const user_map& map) { return tables()[map.id]; }

std::string_view key_bytes(const user_map& map, const void* key) {
    return {static_cast<const char*>(key), map.key_bytes};
}

bool is_array(const user_map& map) { return map.type == BPF_MAP_TYPE_ARRAY || map.type == BPF_MAP_TYPE_PERCPU_ARRAY; }

bool is_lru(const user_map& map) {
    return map.type == BPF_MAP_TYPE_LRU_HASH || map.type == BPF_MAP_TYPE_LRU_PERCPU_HASH;
}

bool is_in_array(const user_map& map, const void* key) {
    std::uint32_t index = 0;
    std::memcpy(&index, key, sizeof(index));
    return index < map.max_entries;
}

}  // namespace

void* user_map_lookup(const user_map* map, const void* key) {
    Table& table = table_of(*map);
    void* found = is_lru(*map) ? table.use(key_bytes(*map, key)) : table.find(key_bytes(*map, key));
    if (found == nullptr && is_array(*map) && is_in_array(*map, key)) {
        const std::string zeroes(map->value_bytes, '\0');
        table.set(key_bytes(*map, key), zeroes.data(), zeroes.size());
        found = table.find(key_bytes(*map, key));
    }
    return found;
}

long user_map_update(const user_map* map, const void* key, const void* value) {
    Table& table = table_of(*map);
    const auto bytes = key_bytes(*map, key);
    if (is_array(*map) && !is_in_array(*map, key)) {
        return -E2BIG;
    }
    if (!is_array(*map) && table.size() >= map->max_entries && table.find(bytes) == nullptr) {
        if (!is_lru(*map)) {
            return -E2BIG;
        }
        table.erase_oldest();
    }
    table.set(bytes, value, map->value_bytes);
    return 0;
}

long user_map_erase(const user_map* map, const void* key) {
    return table_of(*map).erase(key_bytes(*map, key)) ? 0 : -ENOENT;
}

void user_map_for_each(const user_map* map, void (*visit)(const void* key, void* data), void* data) {
    for (const std::string& key : table_of(*map).keys()) {
        visit(key.data(), data);
    }
}

void user_map_clear(const user_map* map) { tables().erase(map->id); }
