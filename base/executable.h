// SPDX-License-Identifier: GPL-2.0
// What kind of program is this file? As far as preloading a library into it is concerned.
#pragma once

namespace alp {

enum class ProgramKind {
    dynamic,  ///< an x86-64 program whose loader is glibc's: can be preloaded
    still,    ///< an x86-64 program without a loader (statically linked)
    foreign,  ///< of another machine, or with another loader
    script,   ///< begins with #!
    unknown,  ///< none of these (the kernel, or a shell, will know), or unreadable
};

struct Program {
    ProgramKind kind;
    bool gains_rights;      ///< set-user-ID, set-group-ID or file capabilities, as far as the caller lacks them: the
                            ///< loader then preloads nothing
    char interpreter[256];  ///< the loader of a dynamic or foreign program, the interpreter of a script; else empty
};

/// Looks at the file. Raw system calls and no allocation: may be used between vfork() and exec. Does not follow a
/// script to its interpreter. A file that is not there is `unknown`.
[[nodiscard]] Program examine_program(const char* path);

}  // namespace alp
