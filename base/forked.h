// SPDX-License-Identifier: GPL-2.0
#pragma once

/// A variable that every fork writes, in the parent or in the child. All of them lie together, so that the host's
/// kernel copies one page for them and not one for each.
#define ALPINE_FORKED __attribute__((section("alpine_forked")))
