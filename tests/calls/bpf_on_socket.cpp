// SPDX-License-Identifier: GPL-2.0
// bpf(2) for a socket: a filter that counts in a map and drops what is too long; the map read and written meanwhile,
// the program closed while the socket has it, and one that the verifier refuses.
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/syscall.h>

#include <iterator>

#include "check.h"
#include "children.h"

namespace {

long bpf(int command, bpf_attr& attributes) { return syscall(SYS_bpf, command, &attributes, sizeof(attributes)); }

uint64_t address(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }

bpf_insn instruction(int code, int to, int from = 0, int offset = 0, int value = 0) {
    bpf_insn made{};
    made.code = static_cast<uint8_t>(code);
    made.dst_reg = static_cast<uint8_t>(to) & 0xf;
    made.src_reg = static_cast<uint8_t>(from) & 0xf;
    made.off = static_cast<int16_t>(offset);
    made.imm = value;
    return made;
}

int make_map() {
    bpf_attr attributes{};
    attributes.map_type = BPF_MAP_TYPE_ARRAY;
    attributes.key_size = attributes.value_size = 4;
    attributes.max_entries = 1;
    return static_cast<int>(bpf(BPF_MAP_CREATE, attributes));
}

uint32_t value_in(int map) {
    const uint32_t key = 0;
    uint32_t value = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<uint32_t>(map);
    attributes.key = address(&key);
    attributes.value = address(&value);
    CHECK(bpf(BPF_MAP_LOOKUP_ELEM, attributes) == 0);
    return value;
}

void put(int map, uint32_t value) {
    const uint32_t key = 0;
    bpf_attr attributes{};
    attributes.map_fd = static_cast<uint32_t>(map);
    attributes.key = address(&key);
    attributes.value = address(&value);
    CHECK(bpf(BPF_MAP_UPDATE_ELEM, attributes) == 0);
}

int load(const bpf_insn* program, size_t count) {
    bpf_attr attributes{};
    attributes.prog_type = BPF_PROG_TYPE_SOCKET_FILTER;
    attributes.insns = address(program);
    attributes.insn_cnt = static_cast<uint32_t>(count);
    attributes.license = address("GPL");
    return static_cast<int>(bpf(BPF_PROG_LOAD, attributes));
}

/// Counts each datagram in map[0], and keeps those of at most 8 + `longest` bytes (with the UDP header).
int load_filter(int map, int longest) {
    const bpf_insn program[] = {
        instruction(BPF_ALU64 | BPF_MOV | BPF_X, 6, 1),         // r6 = skb
        instruction(BPF_ST | BPF_MEM | BPF_W, 10, 0, -4, 0),    // key = 0
        instruction(BPF_ALU64 | BPF_MOV | BPF_X, 2, 10),        // r2 = &key
        instruction(BPF_ALU64 | BPF_ADD | BPF_K, 2, 0, 0, -4),  //
        instruction(BPF_LD | BPF_IMM | 0x18, 1, BPF_PSEUDO_MAP_FD, 0, map),
        instruction(0, 0),                                                       // r1 = map
        instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_map_lookup_elem),      //
        instruction(BPF_JMP | BPF_JEQ | BPF_K, 0, 0, 2, 0),                      // found?
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 1, 0, 0, 1),                    //
        instruction(BPF_STX | 0xc0 | BPF_W, 0, 1, 0, BPF_ADD),                   // *r0 += 1
        instruction(BPF_LDX | BPF_MEM | BPF_W, 1, 6, offsetof(__sk_buff, len)),  // r1 = skb->len
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, -1),                   // keep it all
        instruction(BPF_JMP | BPF_JLE | BPF_K, 1, 0, 1, longest + 8),            //
        instruction(BPF_ALU64 | BPF_MOV | BPF_K, 0, 0, 0, 0),                    // drop
        instruction(BPF_JMP | BPF_EXIT, 0),                                      //
    };
    return load(program, std::size(program));
}

void refuses_nonsense() {
    const bpf_insn jumps_out[] = {instruction(BPF_JMP | BPF_JA, 0, 0, 100), instruction(BPF_JMP | BPF_EXIT, 0)};
    CHECK_FAILS(load(jumps_out, std::size(jumps_out)), EINVAL);
    bpf_attr attributes{};
    const int no_map = bound(SOCK_DGRAM);
    attributes.map_fd = static_cast<uint32_t>(no_map);
    CHECK_FAILS(bpf(BPF_MAP_LOOKUP_ELEM, attributes), EINVAL);
    CHECK(close(no_map) == 0);
    CHECK_FAILS(syscall(SYS_bpf, BPF_PROG_LOAD, nullptr, sizeof(attributes)), EFAULT);
}

void filters(int map) {
    const int filter = load_filter(map, 4);
    CHECK(filter >= 0 && fcntl(filter, F_GETFD) == FD_CLOEXEC);
    const int receiver = bound(SOCK_DGRAM);
    CHECK(setsockopt(receiver, SOL_SOCKET, SO_ATTACH_BPF, &filter, sizeof(filter)) == 0);
    CHECK(close(filter) == 0);
    const int sender = socket(AF_INET, SOCK_DGRAM, 0);
    const sockaddr_in to = name_of(receiver);
    CHECK(connect(sender, generic(to), sizeof(to)) == 0);
    put(map, 5);
    for (const char* text : {"long one", "one", "another"}) {
        say(sender, text);
    }
    char buffer[16];
    CHECK(recv(receiver, buffer, sizeof(buffer), 0) == 3 && memcmp(buffer, "one", 3) == 0);
    pollfd ready{receiver, POLLIN, 0};
    CHECK(poll(&ready, 1, 100) == 0);
    CHECK(value_in(map) == 8);
    child_does([&] {  // which has the map, too
        say(sender, "two");
        CHECK(recv(receiver, buffer, sizeof(buffer), 0) == 3 && value_in(map) == 9);
    });
    CHECK(close(sender) == 0 && close(receiver) == 0);
}

}  // namespace

int main() {
    close_inherited();
    const int map = make_map();
    if (map < 0 && errno == EPERM) {
        puts("bpf(2) is root's here");
        return 77;
    }
    CHECK(map == 3);
    refuses_nonsense();
    filters(map);
    CHECK(value_in(map) == 9);
    CHECK(close(map) == 0);
    CHECK_FAILS(close(map), EBADF);
    return 0;
}
