/* SPDX-License-Identifier: GPL-2.0 */
/*
 * <bpf/bpf_helpers.h> for the steering programs compiled into alpined (proxy/classic/program.c): the same names, as
 * ordinary functions of user space.
 *
 * Only what the programs use is here. A helper that is missing fails the build, and is to be added with its meaning on
 * the classic wire. Maps carry their types in their members, as libbpf's macros do it, and user_map() reads them off.
 */
#ifndef ALPINE_CLASSIC_BPF_HELPERS_H
#define ALPINE_CLASSIC_BPF_HELPERS_H

#include <linux/bpf.h>
#include <time.h>

#include "proxy/classic/maps.h"

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) __typeof__(value)* name

#define user_map(map)                                             \
    (&(const struct user_map){                                    \
        .id = (map),                                              \
        .type = sizeof(*(map)->type) / sizeof(int),               \
        .key_bytes = sizeof(*(map)->key),                         \
        .value_bytes = sizeof(*(map)->value),                     \
        .max_entries = sizeof(*(map)->max_entries) / sizeof(int), \
    })

#define bpf_map_lookup_elem(map, key) user_map_lookup(user_map(map), key)
#define bpf_map_update_elem(map, key, value, flags) user_map_update(user_map(map), key, value)
#define bpf_map_delete_elem(map, key) user_map_erase(user_map(map), key)

/* Reads the packet at hand, from its network header. */
long bpf_skb_load_bytes_relative(const struct __sk_buff* skb, __u32 offset, void* to, __u32 len, __u32 start);

/*
 * bpf/checksum.h finds out by these where a checksum is still to be written. They answer as the kernel's do
 * (bpf-helpers(7), net/core/filter.c), and leave the packet as it is: a word that was changed is noted until it is put
 * back. bpf/fragments.h makes a packet into another by the last two, for copies.
 */
long bpf_skb_load_bytes(const struct __sk_buff* skb, __u32 offset, void* to, __u32 len);
long bpf_l4_csum_replace(struct __sk_buff* skb, __u32 offset, __u64 from, __u64 to, __u64 flags);
long bpf_skb_store_bytes(struct __sk_buff* skb, __u32 offset, const void* from, __u32 len, __u64 flags);
long bpf_skb_change_tail(struct __sk_buff* skb, __u32 len, __u64 flags);

/* CLOCK_MONOTONIC, as in the kernel. */
static inline __u64 bpf_ktime_get_ns(void) {
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (__u64)now.tv_sec * 1000000000 + (__u64)now.tv_nsec;
}

/* Not on this wire: its firewall tells ports apart, not connections. */
static inline struct bpf_sock* bpf_sk_lookup_tcp(void* context, struct bpf_sock_tuple* tuple, __u32 len, __u64 netns,
                                                 __u64 flags) {
    (void)context, (void)tuple, (void)len, (void)netns, (void)flags;
    return 0;
}
static inline long bpf_sk_release(void* sock) {
    (void)sock;
    return 0;
}

/* Handed to the relay at once, as the packet is by then. */
long bpf_clone_redirect(struct __sk_buff* skb, __u32 ifindex, __u64 flags);

/* What a program decides is noted, and done by the relay. A packet that is sent on needs no link header. */
long bpf_redirect(__u32 ifindex, __u64 flags);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh* hop, int hop_len, __u64 flags);

/* The host's routing table is asked by the raw socket, not here. */
static inline long bpf_fib_lookup(struct __sk_buff* skb, struct bpf_fib_lookup* fib, int fib_len, __u32 flags) {
    (void)skb, (void)fib, (void)fib_len, (void)flags;
    return BPF_FIB_LKUP_RET_SUCCESS;
}

static inline long bpf_skb_change_head(struct __sk_buff* skb, __u32 len, __u64 flags) {
    (void)skb, (void)len, (void)flags;
    return 0;
}

#endif
