// SPDX-License-Identifier: GPL-2.0
// `alp run --explain`: which calls went where, and why, as a table at the end of the process.
//
// Every entry point opens an Explained for the length of its call. On the way the call's verdict is left in
// thread_state: passed to the host unless somebody says otherwise, the stack's by stack_call(), refused by refuse().
// While nobody asked for a table all this is one store and one branch.
#pragma once

#include "calls/thread_state.h"

namespace alp::calls {

/// Set at start when ALPINE_EXPLAIN is.
extern bool explaining;

/// Counts one call. `reason` is a literal; null stands for the verdict's usual reason. Any thread.
void count_call(long number, Verdict verdict, const char* reason, long result);

/// One call, from its entry to its answer.
class Explained {
public:
    explicit Explained(long number) : number_(number) {
        if (__builtin_expect(explaining, 0)) {
            thread_state.verdict = Verdict::host;
            thread_state.reason = nullptr;
        }
    }

    /// Counts the call; hands its result through.
    [[nodiscard]] long done(long result) const {
        if (__builtin_expect(explaining, 0)) {
            count_call(number_, thread_state.verdict, thread_state.reason, result);
        }
        return result;
    }

private:
    long number_;
};

/// Answers a call without asking either kernel: `error` (negative errno), because of `reason` (a literal).
inline long refuse(long error, const char* reason) {
    thread_state.verdict = Verdict::refused;
    thread_state.reason = reason;
    return error;
}

/// Says why the call in progress goes where it goes.
inline void because(const char* reason) { thread_state.reason = reason; }

/// In a forked child: it has made no calls yet.
void reset_explanation_after_fork();

/// Prints the table to standard error, once, if it was asked for. At the end of the process.
void print_explanation();

}  // namespace alp::calls
