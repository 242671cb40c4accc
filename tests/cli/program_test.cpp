// SPDX-License-Identifier: GPL-2.0
#include "cli/program.h"

#include <elf.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace alp::cli {
namespace {

namespace fs = std::filesystem;

/// A folder of files made by the test, gone after it.
class ProgramTest : public testing::Test {
protected:
    void SetUp() override {
        std::string name = (fs::temp_directory_path() / "alpine-program-XXXXXX").string();
        ASSERT_NE(::mkdtemp(name.data()), nullptr);
        dir_ = name;
    }
    void TearDown() override { fs::remove_all(dir_); }

    std::string make(const std::string& name, const std::string& content, mode_t mode = 0755) {
        std::string path = dir_ + "/" + name;
        std::ofstream(path) << content;
        EXPECT_EQ(::chmod(path.c_str(), mode), 0);
        return path;
    }

    /// The smallest file that passes for an ELF program without an interpreter.
    std::string make_static_program(const std::string& name) {
        Elf64_Ehdr header{};
        std::copy_n(ELFMAG, SELFMAG, header.e_ident);
        header.e_ident[EI_CLASS] = ELFCLASS64;
        header.e_machine = EM_X86_64;
        return make(name, std::string(reinterpret_cast<const char*>(&header), sizeof header));
    }

    std::string dir_;
};

TEST_F(ProgramTest, FindsAlongPath) {
    const std::string path = make("some-program", "#!/bin/sh\n");
    ::setenv("PATH", ("/nowhere:" + dir_).c_str(), 1);
    const auto found = find_program("some-program");
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value(), path);
}

TEST_F(ProgramTest, GoesOnAlongPathPastAFileThatMayNotBeExecuted) {
    make("tool", "", 0644);
    fs::create_directory(dir_ + "/second");
    const std::string path = make("second/tool", "#!/bin/sh\n");
    ::setenv("PATH", (dir_ + ":" + dir_ + "/second").c_str(), 1);
    const auto found = find_program("tool");
    ASSERT_TRUE(found.ok());
    EXPECT_EQ(found.value(), path);
}

TEST_F(ProgramTest, SaysWhenThereIsNoSuchProgram) {
    const auto found = find_program("no-such-program-anywhere");
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, ENOENT);
}

TEST_F(ProgramTest, SaysWhenItMayNotBeExecuted) {
    const auto found = find_program(make("data", "x", 0644));
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, EACCES);
}

TEST_F(ProgramTest, AFolderIsNoProgram) {
    const auto found = find_program(dir_);
    ASSERT_FALSE(found.ok());
    EXPECT_EQ(found.error().code, EACCES);
}

TEST_F(ProgramTest, AnOrdinaryProgramCanBePreloaded) { EXPECT_TRUE(check_preloadable("/bin/ls").ok()); }

TEST_F(ProgramTest, AScriptIsAsItsInterpreter) {
    EXPECT_TRUE(check_preloadable(make("good", "#!/bin/sh\n")).ok());
    const std::string interpreter = make_static_program("static");
    EXPECT_FALSE(check_preloadable(make("bad", "#!" + interpreter + " -x\n")).ok());
}

TEST_F(ProgramTest, AStaticProgramCannotBePreloaded) {
    const auto answer = check_preloadable(make_static_program("static"));
    ASSERT_FALSE(answer.ok());
    EXPECT_NE(answer.error().context.find("statically linked"), std::string::npos);
}

TEST_F(ProgramTest, AProgramOfAnotherMachineCannotBePreloaded) {
    Elf64_Ehdr header{};
    std::copy_n(ELFMAG, SELFMAG, header.e_ident);
    header.e_ident[EI_CLASS] = ELFCLASS64;
    header.e_machine = EM_AARCH64;
    const std::string path = make("arm", std::string(reinterpret_cast<const char*>(&header), sizeof header));
    EXPECT_FALSE(check_preloadable(path).ok());
}

TEST_F(ProgramTest, ATruncatedProgramIsRefusedNotReadBeyondItsEnd) {
    EXPECT_FALSE(check_preloadable(make("stub", std::string("\x7f") + "ELF")).ok());
}

TEST_F(ProgramTest, AScriptThatNamesItselfEnds) {
    const std::string path = dir_ + "/loop";
    EXPECT_TRUE(check_preloadable(make("loop", "#!" + path + "\n")).ok());
}

TEST_F(ProgramTest, AnOrdinaryProgramIsStartedByTheKernel) {
    const auto loader = check_preloadable("/bin/ls");
    ASSERT_TRUE(loader.ok());
    EXPECT_EQ(loader.value(), "");
}

TEST_F(ProgramTest, ASetUserIdProgramOfAnotherUserIsStartedThroughItsLoader) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "needs root to make another user's program";
    }
    std::ifstream program("/bin/true", std::ios::binary);
    const std::string path = make("setuid", std::string(std::istreambuf_iterator<char>(program), {}));
    ASSERT_EQ(::chown(path.c_str(), 65534, 65534), 0);
    ASSERT_EQ(::chmod(path.c_str(), 04755), 0);
    const auto loader = check_preloadable(path);
    ASSERT_TRUE(loader.ok());
    EXPECT_NE(loader.value().find("ld-linux"), std::string::npos);
}

}  // namespace
}  // namespace alp::cli
