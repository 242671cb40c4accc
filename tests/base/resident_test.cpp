// SPDX-License-Identifier: GPL-2.0
#include "base/resident.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

#include "base/unique_fd.h"

namespace {

constexpr std::size_t page_bytes = 4096;
constexpr std::size_t pages = 440;  // of 4096 bytes

/// A private mapping of a file, all of it in memory.
class ResidentTest : public testing::Test {
protected:
    void SetUp() override {
        const alp::UniqueFd file(open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
        ASSERT_GE(lseek(file.get(), 0, SEEK_END), static_cast<off_t>(pages * page_bytes));
        void* mapped = mmap(nullptr, pages * page_bytes, PROT_READ, MAP_PRIVATE, file.get(), 0);
        ASSERT_NE(mapped, MAP_FAILED);
        memory = static_cast<char*>(mapped);
        for (std::size_t i = 0; i < pages; ++i) {
            read_page(i);
        }
        ASSERT_EQ(mprotect(mapped, pages * page_bytes, PROT_READ | PROT_WRITE), 0);
    }
    void TearDown() override { munmap(memory, pages * page_bytes); }

    char read_page(std::size_t page) { return *static_cast<volatile char*>(memory + page * page_bytes); }

    /// Is it in this process's page tables?
    bool is_mapped(std::size_t page) {
        const alp::UniqueFd pagemap(open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC));
        std::uint64_t entry = 0;
        const auto at = reinterpret_cast<std::uintptr_t>(memory) / page_bytes + page;
        EXPECT_EQ(pread(pagemap.get(), &entry, sizeof(entry), static_cast<off_t>(at * sizeof(entry))), 8);
        return entry >> 63 != 0;
    }

    char* memory = nullptr;
};

TEST_F(ResidentTest, WhatIsTheFilesGoesAndWhatWasChangedStays) {
    ASSERT_TRUE(is_mapped(0) && is_mapped(pages - 1));
    memory[page_bytes * 7] = 'x';
    memory[page_bytes * 430] = 'y';
    alp::forget_clean_pages(memory, pages * page_bytes);
    for (std::size_t i = 0; i < pages; ++i) {
        EXPECT_EQ(is_mapped(i), i == 7 || i == 430) << i;
    }
    EXPECT_EQ(memory[page_bytes * 7], 'x');
    EXPECT_EQ(memory[page_bytes * 430], 'y');
    EXPECT_EQ(memcmp(memory, "\177ELF", 4), 0);
}

TEST_F(ResidentTest, OnlyWhatIsNamedGoes) {
    alp::forget_clean_pages(memory + page_bytes * 10, page_bytes * 3);
    EXPECT_TRUE(is_mapped(9) && is_mapped(13));
    EXPECT_FALSE(is_mapped(10) || is_mapped(12));
}

}  // namespace
