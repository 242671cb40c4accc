// SPDX-License-Identifier: GPL-2.0
#include "calls/stubs.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include <cstddef>
#include <cstdint>

#include "base/kept_memory.h"
#include "base/raw_syscall.h"
#include "calls/process.h"
#include "calls/table.h"
#include "calls/thread_state.h"
#include "stack/host/own_thread.h"

namespace alp::calls {

namespace {

constexpr std::size_t kPoolBytes = 64 * 1024;
constexpr std::size_t kStubBytes = 224; /* more than the longest */
constexpr std::uintptr_t kStep = 1 << 20;
constexpr int kTries = 1024;

extern "C" void alpine_site_entry() __attribute__((visibility("hidden")));

// For the assembly below.
#define ALPINE_TEXT_OF(value) #value
#define ALPINE_DEFINE(name, value) asm(".set " #name ", " ALPINE_TEXT_OF(value))
/// Bit of a "number" that is really the answer of a call made in place; every error has it.
constexpr long kAfterClone = 1L << 62;

ALPINE_DEFINE(SIDE_STACK, ALPINE_SIDE_STACK_OFFSET);
ALPINE_DEFINE(SIDE_STACK_USED, ALPINE_SIDE_STACK_USED_OFFSET);
ALPINE_DEFINE(SIDE_STACK_BYTES, ALPINE_SIDE_STACK_BYTES);
static_assert(offsetof(ThreadState, side_stack) == ALPINE_SIDE_STACK_OFFSET);
static_assert(offsetof(ThreadState, side_stack_used) == ALPINE_SIDE_STACK_USED_OFFSET);

}  // namespace

/// A call site's call. Arguments as in the registers of the system call; alpine_site_entry is the only caller.
extern "C" __attribute__((visibility("hidden"))) long alpine_site_call(long number, long a, long b, long c, long d,
                                                                       long e, long f) {
    if (__builtin_expect((number & kAfterClone) != 0, 0)) {
        return after_clone_in_place(number < 0 ? number : number & ~kAfterClone);
    }
    if (__builtin_expect(is_clone(number), 0)) {
        return clone_call(number, a, b, c, d, e);
    }
    return call_by_number(number, a, b, c, d, e, f);
}

// Comes from a stub with the registers of a system call. Answers in %rax; of the others only those change that a system
// call changes (%rcx, %r11). x87 and vector state is saved with XSAVE, mask 0xe7: x87, SSE, AVX, AVX-512; 2,688 bytes
// of area, whose header (64 bytes at 512) must be zero.
//
// A caller may have little stack (Go's goroutines, coroutines): some 200 bytes of it are used, and for the rest a stack
// of the thread's own, thread_state.side_stack. Unless that is in use already: then this is a signal handler that
// interrupted a call, or one that such a handler has jumped out of, and there is stack enough.
asm(R"(
    .text
    .globl alpine_site_entry
    .hidden alpine_site_entry
    .type alpine_site_entry, @function
alpine_site_entry:
    .cfi_startproc
    push %rbp
    .cfi_adjust_cfa_offset 8
    .cfi_rel_offset rbp, 0
    mov %rsp, %rbp
    .cfi_def_cfa_register rbp
    push %rbx
    push %rdi
    push %rsi
    push %rdx
    push %r8
    push %r9
    push %r10
    mov %rax, %rbx
    mov alpine_thread_state@gottpoff(%rip), %rcx
    cmpb $0, %fs:SIDE_STACK_USED(%rcx)
    jne 2f
    mov %fs:SIDE_STACK(%rcx), %r11
    test %r11, %r11
    je 3f
1:  movb $1, %fs:SIDE_STACK_USED(%rcx)
    mov %r11, %rsp
    call 4f
    mov alpine_thread_state@gottpoff(%rip), %rcx
    movb $0, %fs:SIDE_STACK_USED(%rcx)
    jmp 5f
2:  and $-16, %rsp
    call 4f
5:  lea -56(%rbp), %rsp
    pop %r10
    pop %r9
    pop %r8
    pop %rdx
    pop %rsi
    pop %rdi
    pop %rbx
    pop %rbp
    .cfi_def_cfa rsp, 8
    ret
    .cfi_def_cfa rbp, 16

3:  mov $9, %eax                    /* mmap */
    xor %edi, %edi
    mov $SIDE_STACK_BYTES, %esi
    mov $3, %edx                    /* PROT_READ | PROT_WRITE */
    mov $0x20022, %r10d             /* MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK */
    mov $-1, %r8
    xor %r9d, %r9d
    )" ALPINE_OWN_SYSCALL R"(
    lea SIDE_STACK_BYTES(%rax), %r11
    cmp $-4096, %rax
    mov -16(%rbp), %rdi
    mov -24(%rbp), %rsi
    mov -32(%rbp), %rdx
    mov -40(%rbp), %r8
    mov -48(%rbp), %r9
    mov -56(%rbp), %r10
    ja 2b
    mov alpine_thread_state@gottpoff(%rip), %rcx
    mov %r11, %fs:SIDE_STACK(%rcx)
    jmp 1b

    /* The call itself: number in %rbx, which is preserved; result in %rax. Entered with %rsp + 8 a multiple of 16. */
4:  push %r12
    mov %rsp, %r12
    sub $2752, %rsp
    and $-64, %rsp
    xor %eax, %eax
    mov %rax, 512(%rsp)
    mov %rax, 520(%rsp)
    mov %rax, 528(%rsp)
    mov %rax, 536(%rsp)
    mov %rax, 544(%rsp)
    mov %rax, 552(%rsp)
    mov %rax, 560(%rsp)
    mov %rax, 568(%rsp)
    mov %rdx, %r11
    mov $0xe7, %eax
    xor %edx, %edx
    xsave64 (%rsp)
    push %r9
    push %r9
    mov %r8, %r9
    mov %r10, %r8
    mov %r11, %rcx
    mov %rsi, %rdx
    mov %rdi, %rsi
    mov %rbx, %rdi
    cld
    call alpine_site_call
    mov %rax, %r11
    add $16, %rsp
    mov $0xe7, %eax
    xor %edx, %edx
    xrstor64 (%rsp)
    mov %r11, %rax
    mov %r12, %rsp
    pop %r12
    ret
    .cfi_endproc
    .size alpine_site_entry, .-alpine_site_entry
)");

namespace {

/// An own thread that is beginning: not within a call, though libc may have made some already.
void keep_to_own_stack() {
    if (auto* top = static_cast<char*>(thread_state.side_stack); top != nullptr) {
        raw_syscall(SYS_munmap, arg(top - ALPINE_SIDE_STACK_BYTES), ALPINE_SIDE_STACK_BYTES);
        thread_state.side_stack = nullptr;
    }
    thread_state.side_stack_used = true;
}

}  // namespace

void settle_side_stacks() {
    stack::on_own_thread = keep_to_own_stack;
    if (thread_state.side_stack == nullptr) {
        if (auto* memory = static_cast<char*>(keep_memory(ALPINE_SIDE_STACK_BYTES)); memory != nullptr) {
            thread_state.side_stack = memory + ALPINE_SIDE_STACK_BYTES;
        }
    }
}

StubPool::StubPool(unsigned char* text, std::size_t len) : text_(text), len_(len) { grow(); }

StubPool::~StubPool() {
    if (next_ != nullptr) {
        // Made executable for good; what is left of the last pool is not used again.
        raw_syscall(SYS_mprotect, arg(end_ - kPoolBytes), kPoolBytes, PROT_READ | PROT_EXEC);
    }
}

bool StubPool::grow() {
    if (next_ != nullptr) {
        raw_syscall(SYS_mprotect, arg(end_ - kPoolBytes), kPoolBytes, PROT_READ | PROT_EXEC);
        next_ = end_ = nullptr;
    }
    const std::uintptr_t below = (reinterpret_cast<std::uintptr_t>(text_) - kPoolBytes) & ~(kStep - 1);
    const std::uintptr_t above = (reinterpret_cast<std::uintptr_t>(text_) + len_ + kStep) & ~(kStep - 1);
    for (int i = 0; i < kTries; ++i) {
        const std::uintptr_t distance = static_cast<std::uintptr_t>(i / 2) * kStep;
        const std::uintptr_t where = i % 2 == 0 ? below - distance : above + distance;
        const long mapped = raw_syscall(SYS_mmap, static_cast<long>(where), kPoolBytes, PROT_READ | PROT_WRITE,
                                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
        if (mapped == static_cast<long>(where)) {
            next_ = reinterpret_cast<unsigned char*>(mapped);
            end_ = next_ + kPoolBytes;
            return true;
        }
        if (mapped >= 0) {
            raw_syscall(SYS_munmap, mapped, kPoolBytes);  // a kernel older than MAP_FIXED_NOREPLACE
        }
    }
    return false;
}

void StubPool::put(const void* bytes, std::size_t len) {
    memcpy(next_, bytes, len);
    next_ += len;
}

void StubPool::put_jump_to(const unsigned char* target) {
    const auto distance = static_cast<std::int32_t>(target - (next_ + kJumpBytes));
    put("\xe9", 1);
    put(&distance, sizeof(distance));
}

void StubPool::put_jump_if(unsigned char condition, const unsigned char* target) {
    const auto distance = static_cast<std::int32_t>(target - (next_ + 6));
    const unsigned char opcode[] = {0x0f, condition};
    put(opcode, sizeof(opcode));
    put(&distance, sizeof(distance));
}

namespace {

constexpr unsigned char kIfEqual = 0x84;
constexpr unsigned char kIfNotEqual = 0x85;

// lea -128(%rsp),%rsp ; movabs $alpine_site_entry,%r11 ; call *%r11 ; lea 128(%rsp),%rsp
constexpr unsigned char kStepOverRedZone[] = {0x48, 0x8d, 0x64, 0x24, 0x80};
constexpr unsigned char kMovR11[] = {0x49, 0xbb};
constexpr unsigned char kCallR11[] = {0x41, 0xff, 0xd3};
constexpr unsigned char kStepBack[] = {0x48, 0x8d, 0xa4, 0x24, 0x80, 0x00, 0x00, 0x00};
constexpr std::size_t kCallBytes =
    sizeof(kStepOverRedZone) + sizeof(kMovR11) + 8 + sizeof(kCallR11) + sizeof(kStepBack);

}  // namespace

unsigned char* StubPool::known_number(int number, const unsigned char* back) {
    if (end_ - next_ < static_cast<long>(kStubBytes) && !grow()) {
        return nullptr;
    }
    unsigned char* stub = next_;
    put("\xb8", 1);
    put(&number, sizeof(number));
    put_call();
    put_jump_to(back);
    return stub;
}

unsigned char* StubPool::any_number(const unsigned char* comparison, std::size_t comparison_bytes,
                                    const unsigned char* back) {
    if (end_ - next_ < static_cast<long>(kStubBytes) && !grow()) {
        return nullptr;
    }
    unsigned char* stub = next_;
    // cmp $kTableCalls,%rax ; jae 1f ; movabs $taken,%r11 ; cmpb $0,(%r11,%rax) ; je 1f ; CALL ; jmp 2f ;
    // 1: syscall ; 2: comparison ; jmp back
    const std::int32_t end_of_table = kTableCalls;
    const auto taken = reinterpret_cast<std::uint64_t>(taken_over.data());
    put("\x48\x3d", 2);
    put(&end_of_table, sizeof(end_of_table));
    const auto to_syscall_1 = static_cast<unsigned char>(2 + 8 + 5 + 2 + kCallBytes + 2);
    put("\x73", 1);
    put(&to_syscall_1, 1);
    put(kMovR11, sizeof(kMovR11));
    put(&taken, sizeof(taken));
    put("\x41\x80\x3c\x03\x00", 5);
    const auto to_syscall_2 = static_cast<unsigned char>(kCallBytes + 2);
    put("\x74", 1);
    put(&to_syscall_2, 1);
    put_call();
    put("\xeb\x02", 2);
    put("\x0f\x05", 2);
    put(comparison, comparison_bytes);
    put_jump_to(back);
    return stub;
}

unsigned char* StubPool::new_process(int number, const unsigned char* back) {
    if (end_ - next_ < static_cast<long>(kStubBytes) && !grow()) {
        return nullptr;
    }
    unsigned char* stub = next_;
    const auto in_place = static_cast<std::int32_t>(kMakeInPlace);
    // mov $number,%eax ; CALL ; cmp $kMakeInPlace,%rax ; jne back
    put("\xb8", 1);
    put(&number, sizeof(number));
    put_call();
    put("\x48\x3d", 2);
    put(&in_place, sizeof(in_place));
    put_jump_if(kIfNotEqual, back);
    // mov $number,%eax ; syscall ; test %rax,%rax ; je 1f ; bts $62,%rax ; CALL ; jmp back ; 1:
    put("\xb8", 1);
    put(&number, sizeof(number));
    put("\x0f\x05\x48\x85\xc0", 5);
    constexpr std::size_t kParentBytes = 5 + kCallBytes + kJumpBytes;
    put_jump_if(kIfEqual, next_ + 6 + kParentBytes);
    put("\x48\x0f\xba\xe8\x3e", 5);
    put_call();
    put_jump_to(back);
    // The child. One that shares memory has nothing to do: test $CLONE_VM,flags ; jne back. (Those of vfork do.)
    if (number == SYS_vfork) {
        put_jump_to(back);
        return stub;
    }
    if (number == SYS_clone3) {
        put("\xf7\x07\x00\x01\x00\x00", 6);  // the flags are where %rdi points
    } else {
        put("\xf7\xc7\x00\x01\x00\x00", 6);
    }
    put_jump_if(kIfNotEqual, back);
    // bts $62,%rax ; CALL ; jmp back
    put("\x48\x0f\xba\xe8\x3e", 5);
    put_call();
    put_jump_to(back);
    return stub;
}

void StubPool::put_call() {
    const auto entry = reinterpret_cast<std::uint64_t>(&alpine_site_entry);
    put(kStepOverRedZone, sizeof(kStepOverRedZone));
    put(kMovR11, sizeof(kMovR11));
    put(&entry, sizeof(entry));
    put(kCallR11, sizeof(kCallR11));
    put(kStepBack, sizeof(kStepBack));
}

}  // namespace alp::calls
