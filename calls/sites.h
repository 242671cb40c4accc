// SPDX-License-Identifier: GPL-2.0
// Call sites: `syscall` instructions in code that nobody can interpose, taken over where they stand.
//
// Theory of operation
//
// libc makes most of its own calls (stdio's reads, the resolver's sends, fclose()'s close) by a `syscall` instruction
// in place, not by the functions that it exports. So when the library is loaded, and whenever code is mapped from a
// file later, the text is searched for such instructions and each is made to come to call_by_number():
//
//   known number   mov $NUMBER,%eax; syscall       the mov (five bytes) becomes a jump. The syscall stays, so a
//                                                  thread that stands between the two loses nothing. Only numbers
//                                                  //                                                  that Alpine
//                                                  takes over are touched. Those that make a new process or thread come
//                                                  to a stub of their own: they come back twice, or on another stack
//                                                  (process.h);
//   checked        syscall; cmp $-4096,%rax        (or %eax, or -4095) the syscall and the first bytes of the
//                                                  comparison become a jump, and the comparison is made elsewhere.
//                                                  Which call it is, is looked at when it comes. Not done if any jump
//                                                  instruction of the text could lead to the comparison;
//   other, in libc mov $NUMBER,%eax; ...; syscall  the syscall becomes ud2, and the signal handler makes the call:
//                  xor %eax,%eax; syscall          slow, but of two bytes, and rare;
//   unknown        anything; syscall               the same, outside of libc, if reading the function from its
//   beginning
//                                                  shows that the two bytes are an instruction (boundary.h). That is
//                                                  done after the loader has done its work.
//
// A jump leads to a stub nearby that leaves the red zone alone, saves every register that a system call leaves
// intact (the vector registers too: compilers rely on it) and calls C. Patterns are long enough to be what they seem
// wherever the text is entered: a disassembler is not needed. Instructions that none of this fits are left and
// counted; `alp run --explain` shows how many.
//
// Not touched: the dynamic loader (except where it maps code), the vDSO, Alpine itself and the stack's image.
#pragma once

#include <signal.h>

#include <atomic>
#include <cstddef>

namespace alp::calls {

struct SiteCount {
    unsigned jumps;  ///< taken over by a jump
    unsigned traps;  ///< taken over by a trap
    unsigned left;   ///< may be a call of ours, and fits no pattern
};

/// Takes over the sites of all that is loaded. Once, in this library's constructor or before: other libraries'
/// constructors may run first, and open sockets.
void take_over_loaded_objects();

/// Takes over the sites in [text, text + len), which is mapped executable from a file and which no other thread runs
/// yet. Any thread.
void take_over_text(void* text, std::size_t len);

/// Code has been mapped, and holds what may be sites: to be looked at by settle_unknown_sites().
extern std::atomic<bool> unknown_sites;

/// Decides about them. Not from inside the dynamic loader.
void settle_unknown_sites();

/// Is there a libc.so in this process? Not in a program linked with -static.
[[nodiscard]] bool has_shared_libc();

/// Could libc's text be changed? Otherwise (a hardened host) Alpine cannot run here.
[[nodiscard]] bool sites_taken_over();

[[nodiscard]] SiteCount count_sites();

/// In a SIGILL handler: makes the call of a site that was taken over by a trap. False if this is none.
bool serve_trap(void* ucontext);

/// In a forked child: locks that other threads of the parent may have held.
void reset_sites_after_fork();

}  // namespace alp::calls
