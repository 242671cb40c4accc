// SPDX-License-Identifier: GPL-2.0
#pragma once

#include <cstddef>

namespace alp {

/// Takes the pages of a mapped file that only the file knows out of this process's page tables: they are read again
/// when they are used. What has been changed in memory, by whomever, stays. Looking through a text has brought all of
/// it in; that counts as the process's memory, and each fork would copy the tables of a text in which one page is
/// changed. Without /proc it does nothing.
void forget_clean_pages(const void* start, std::size_t len_bytes);

}  // namespace alp
