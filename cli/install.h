// SPDX-License-Identifier: GPL-2.0
// Where Alpine's own files are: beside the running alp (BIN/../lib), or in ALPINE_LIBDIR.
#pragma once

#include <string>

#include "base/result.h"

namespace alp::cli {

/// The stack that is run when nobody names one.
inline constexpr const char* kDefaultStack = "linux-6.12";

struct Install {
    std::string library_dir;  ///< absolute; holds libalpine.so and alpine/stack-NAME.so

    [[nodiscard]] std::string preload_library() const { return library_dir + "/libalpine.so"; }
    /// `name` is a stack's name (linux-6.12) or, when it holds a '/', the path of an image.
    [[nodiscard]] std::string stack_image(const std::string& name) const;
};

/// Finds the installation this alp belongs to. Fails only when /proc cannot be read.
Result<Install> find_install();

/// Is the preload library there, and fit to be named in LD_PRELOAD? ENOENT, or EINVAL for a path with a blank or colon.
Result<void> check_preload_library(const Install& install);

/// Is there an image of that name? ENOENT with the names there are.
Result<void> check_stack_image(const Install& install, const std::string& name);

}  // namespace alp::cli
