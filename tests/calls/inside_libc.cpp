// SPDX-License-Identifier: GPL-2.0
// What never passes an exported symbol: stdio on sockets, the resolver's own exchange, if_indextoname()'s socket,
// syscall(), and `syscall` instructions in the program's own code.
#include <arpa/nameser.h>
#include <net/if.h>
#include <netdb.h>
#include <poll.h>
#include <resolv.h>
#include <sys/syscall.h>

#include <string>
#include <thread>

#include "by_instruction.h"
#include "check.h"

// The number directly before the instruction, as compilers put it.
static long inline_call(long number, long a, long b, long c) {
    long result;
    asm volatile("syscall" : "=a"(result) : "a"(number), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
    return result;
}

static void talk_by_stdio() {
    const Pair pair;
    FILE* out = fdopen(pair.client, "w");
    FILE* in = fdopen(pair.server, "r");
    CHECK(out != nullptr && in != nullptr);
    CHECK(fprintf(out, "line %d\n", 1) > 0 && fflush(out) == 0);
    CHECK(dprintf(pair.client, "line 2\n") == 7);
    char* line = nullptr;
    size_t room = 0;
    CHECK(getline(&line, &room, in) == 7 && strcmp(line, "line 1\n") == 0);
    char second[16];
    CHECK(fgets(second, sizeof(second), in) != nullptr && strcmp(second, "line 2\n") == 0);
    const std::string much(300000, 'x');
    std::thread writer([&] { CHECK(fwrite(much.data(), 1, much.size(), out) == much.size() && fclose(out) == 0); });
    std::string got(much.size(), '\0');
    CHECK(fread(got.data(), 1, got.size(), in) == got.size() && got == much);
    CHECK(fgetc(in) == EOF && feof(in));
    writer.join();
    CHECK(fclose(in) == 0);
    free(line);
}

/// Answers one question, whatever it is, with the address 192.0.2.1.
static void serve_one_name(int server) {
    unsigned char packet[512];
    sockaddr_in from{};
    socklen_t from_len = sizeof(from);
    const ssize_t asked = recvfrom(server, packet, sizeof(packet), 0, generic(from), &from_len);
    CHECK(asked > 12);
    static const unsigned char answer[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1};
    ssize_t end = 12;
    while (packet[end] != 0) {
        end += packet[end] + 1;
    }
    end += 5;
    packet[2] = 0x81;
    packet[3] = 0x80;
    packet[7] = 1;
    packet[9] = packet[11] = 0;
    memcpy(packet + end, answer, sizeof(answer));
    CHECK(sendto(server, packet, static_cast<size_t>(end) + sizeof(answer), 0, generic(from), from_len) > 0);
}

static void ask_a_name_server() {
    const int server = bound(SOCK_DGRAM);
    std::thread serving(serve_one_name, server);
    struct __res_state state {};
    CHECK(res_ninit(&state) == 0);
    state.nscount = 1;
    state.nsaddr_list[0] = name_of(server);
    unsigned char reply[512];
    const int len = res_nquery(&state, "alpine.example", C_IN, T_A, reply, sizeof(reply));
    CHECK(len > 16 && memcmp(reply + len - 4, "\xc0\x00\x02\x01", 4) == 0);
    res_nclose(&state);
    serving.join();
    close(server);
}

static void name_interfaces() {
    const int before = dup(0);
    char name[IF_NAMESIZE];
    const unsigned index = if_nametoindex("lo");
    CHECK(index != 0 && if_indextoname(index, name) != nullptr && strcmp(name, "lo") == 0);
    // The sockets they used are closed: their numbers are free again.
    const int after = dup(0);
    CHECK(after == before + 1);
    close(before);
    close(after);
}

static void call_by_instruction() {
    const Pair pair;
    CHECK(inline_call(SYS_write, pair.client, reinterpret_cast<long>("abc"), 3) == 3);
    char got[4] = "";
    CHECK(any_number(SYS_read, pair.server, reinterpret_cast<long>(got), 3) == 3 && strcmp(got, "abc") == 0);
    CHECK(any_number(SYS_read, -1, 0, 0) == -EBADF);
    CHECK(syscall(SYS_write, pair.server, "de", 2) == 2 && inline_call(SYS_read, pair.client, long(got), 3) == 2);
    const long extra = any_number(SYS_dup, pair.client, 0, 0);
    CHECK(extra > 0 && inline_call(SYS_close, extra, 0, 0) == 0);
    pollfd readable{pair.server, POLLIN, 0};
    CHECK(any_number(SYS_poll, reinterpret_cast<long>(&readable), 1, 0) == 0);
    CHECK(any_number(SYS_close, pair.client, 0, 0) == 0);
    CHECK(inline_call(SYS_read, pair.server, reinterpret_cast<long>(got), 3) == 0);
    close(pair.server);
}

int main() {
    talk_by_stdio();
    ask_a_name_server();
    name_interfaces();
    call_by_instruction();
    return 0;
}
