// SPDX-License-Identifier: GPL-2.0
// Calls from code that has a few hundred bytes of stack left, as Go's goroutines have: a `syscall` instruction needs
// none.
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include "by_instruction.h"
#include "check.h"

static constexpr size_t kPage = 4096;
static constexpr size_t kStack = 1024; /* for a function that calls another one, and the call */

static ucontext_t main_context;
static int client;
static int server;
static long written;
static long received;
static char got[8];

static void talk() {
    written = any_number(SYS_write, client, reinterpret_cast<long>("hello"), 5);
    received = any_number(SYS_read, server, reinterpret_cast<long>(got), sizeof(got));
}

int main() {
    const Pair pair;
    client = pair.client;
    server = pair.server;
    // Below the page on which the context stands lies one that nobody may touch.
    char* memory = static_cast<char*>(mmap(nullptr, 2 * kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    CHECK(memory != MAP_FAILED && mprotect(memory + kPage, kPage, PROT_READ | PROT_WRITE) == 0);
    ucontext_t context{};
    CHECK(getcontext(&context) == 0);
    context.uc_stack.ss_sp = memory + kPage;
    context.uc_stack.ss_size = kStack;
    context.uc_link = &main_context;
    makecontext(&context, talk, 0);
    CHECK(swapcontext(&main_context, &context) == 0);
    CHECK(written == 5 && received == 5 && memcmp(got, "hello", 5) == 0);
    return 0;
}
