// SPDX-License-Identifier: GPL-2.0
#include "calls/outlive_daemon.h"

#include <poll.h>
#include <sys/single_threaded.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <new>
#include <utility>

#include "base/raw_syscall.h"
#include "calls/heap.h"
#include "proxy/client/reattachment.h"
#include "stack/host/own_table.h"
#include "stack/host/own_thread.h"
#include "stack/host/private_fd.h"
#include "stack/host/stack.h"

namespace alp::calls {

namespace {

constexpr std::size_t kStackBytes = 64 * 1024;

// Never destroyed: the thread runs until the process is gone.
alignas(proxy::Reattachment) char storage[sizeof(proxy::Reattachment)];

void say(const char* line, unsigned long len) { stack::write_to(STDERR_FILENO, line, len); }

void* watch_for_ever(void* argument) {
    auto& reattachment = *static_cast<proxy::Reattachment*>(argument);
    stack::begin_own_thread("alpine-daemon");
    const auto kept = reattachment.descriptors();
    stack::leave_descriptor_table({kept.connection, kept.proof, kept.send, kept.receive});
    for (;;) {
        pollfd connection{reattachment.fd(), 0, 0};
        raw_syscall(SYS_poll, arg(&connection), 1, reattachment.timeout_ms());
        if (stack::ended()) {
            stack::rest_for_ever();
        }
        reattachment.step();
    }
}

int start_thread(proxy::Reattachment* reattachment) {
    // It runs no code of the program's and leaves its heap alone: to the program, a process of one thread stays one.
    const char single_threaded = __libc_single_threaded;
    const int error = stack::start_own_thread(kStackBytes, watch_for_ever, reattachment);
    if (has_own_heap()) {
        __libc_single_threaded = single_threaded;
    }
    return error;
}

}  // namespace

Result<void> outlive_daemon(proxy::Client& client, int proof) {
    auto prepared = proxy::Reattachment::prepare(client, proof, {stack::borrow_descriptor, say});
    if (!prepared) {
        return prepared.error();
    }
    stack::note_private_fd(client.handover_receive_fd());
    stack::note_private_fd(client.handover_send_fd());
    auto* reattachment = new (storage) proxy::Reattachment(std::move(prepared).value());
    if (const int error = start_thread(reattachment); error != 0) {
        return Error{error, "cannot start the thread that waits for a restarted alpined"};
    }
    return {};
}

}  // namespace alp::calls
