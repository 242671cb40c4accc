/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The maps of the steering programs as they are in user space. C and C++.
 *
 * A map is known by the address of the variable that declares it in bpf/maps.h; its entries live in one table for all
 * of this process, touched by one thread. Values stay where they are until they are erased.
 */
#ifndef ALPINE_CLASSIC_MAPS_H
#define ALPINE_CLASSIC_MAPS_H

#include <linux/types.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct user_map {
    const void* id;
    size_t type; /* BPF_MAP_TYPE_*; per-CPU ones have one CPU here */
    size_t key_bytes;
    size_t value_bytes;
    size_t max_entries;
};

/* The value, or NULL. In an array every index below max_entries has one, zero at first. */
void* user_map_lookup(const struct user_map* map, const void* key);

/* 0, or -E2BIG when a hash is full (an LRU one forgets its oldest entry instead). */
long user_map_update(const struct user_map* map, const void* key, const void* value);

/* 0, or -ENOENT. */
long user_map_erase(const struct user_map* map, const void* key);

/* Calls `visit` with every key. It may not change the map. */
void user_map_for_each(const struct user_map* map, void (*visit)(const void* key, void* data), void* data);

/* Forgets everything in it. */
void user_map_clear(const struct user_map* map);

#ifdef __cplusplus
}
#endif

#endif
