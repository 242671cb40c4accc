// SPDX-License-Identifier: GPL-2.0
// What becomes of a process's part in the stack when it becomes another program.
//
// Theory of operation
//
// Descriptors of the stack without close-on-exec stay open over exec on the host, as dummies, and in the stack. If
// there are any, the new program joins the stack of the old one: it finds its seat in the family, and the descriptors
// that it needs for that, in the environment variable ALPINE_JOIN, which it takes out before its own code runs. If
// there are none, the process leaves the stack, and the new program starts one of its own when it needs one; unless all
// programs of a family are to have one stack (ALPINE_STACK_PER=family, `alp run --stack-per=family`).
//
// What is closed by exec is closed in the stack right before, when nothing that can be foreseen speaks against the
// exec.
#pragma once

#include <cstddef>

namespace alp::calls {

/// The departure of one program, for the length of an exec call. Uses little stack: a child of posix_spawn() has
/// little.
class Departure {
public:
    /// `environment`: the new program's. `reached`: can libalpine.so be loaded into it?
    Departure(char* const* environment, bool reached);
    ~Departure();
    Departure(const Departure&) = delete;
    Departure& operator=(const Departure&) = delete;

    /// For the new program.
    [[nodiscard]] char* const* environment() const { return environment_; }

    /// The exec has failed after all: what can be undone is.
    void undo();

private:
    void name_passage(bool inherits);
    bool extend_environment(const char* passage);

    char* const* environment_;
    bool joins_ = false;
    bool left_ = false;
    const char** extended_ = nullptr;
    std::size_t extended_bytes_ = 0;
    char passage_[160];
    char preload_[600];
};

/// At the load of libalpine.so: a variable that is for Alpine alone, taken out of the environment. Null: it is not
/// there.
[[nodiscard]] const char* take_variable(const char* name);

/// Before a passage whose program inherits nothing, and may join later.
inline constexpr char kLater[] = "later:";

/// Is the whole family of programs to have one stack?
[[nodiscard]] bool one_stack_per_family();

}  // namespace alp::calls
