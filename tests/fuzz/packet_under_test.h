/* SPDX-License-Identifier: GPL-2.0 */
/* What bpf/packet.h makes of a packet, for the fuzzer: the parser itself, compiled for user space. */
#ifndef ALPINE_FUZZ_PACKET_UNDER_TEST_H
#define ALPINE_FUZZ_PACKET_UNDER_TEST_H

#include <stddef.h>
#include <stdint.h>

#include "abi/steering.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Members as in struct packet of bpf/packet.h. */
struct parsed {
    int ok; /* the parser took it; else nothing below means anything */
    struct alpine_flow_key src;
    struct alpine_flow_key dst;
    uint32_t transport_offset;
    uint16_t family;
    uint8_t protocol;
    uint8_t piece;
    uint8_t icmp_type;
    uint8_t icmp_code;
    uint32_t fragment_id_be;
    int is_icmp_error;
    int is_routers_error;
};

/* Parses `len` bytes from the network header on, and what they quote if they are an ICMP error (else quoted->ok is 0).
 */
void parse_under_test(const uint8_t* bytes, size_t len, uint16_t ethertype, struct parsed* packet,
                      struct parsed* quoted);

#ifdef __cplusplus
}
#endif

#endif
