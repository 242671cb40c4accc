// SPDX-License-Identifier: GPL-2.0
// fdopen() of a socket, in both directions: getline, getc and ungetc, big blocks, unbuffered, dprintf, and fclose(),
// which ends the connection and frees the number.
#include <signal.h>
#include <stdarg.h>

#include <string>
#include <thread>

#include "check.h"

constexpr size_t kBlock = 3'000'001;

static std::string pattern() {
    std::string text(kBlock, '\0');
    for (size_t i = 0; i < text.size(); ++i) {
        text[i] = static_cast<char>(i * 31 + i / 1009);
    }
    return text;
}

static void lines() {
    const Pair pair;
    FILE* in = fdopen(pair.server, "r");
    FILE* out = fdopen(pair.client, "w");
    CHECK(in != nullptr && out != nullptr && fileno(in) == pair.server);
    const std::string wide(10000, 'w');
    std::thread writer([&] {
        CHECK(fprintf(out, "first %d\n%s\nlast", 1, wide.c_str()) == 10013);
        CHECK(fclose(out) == 0);
    });
    char* line = nullptr;
    size_t room = 0;
    CHECK(getc(in) == 'f' && ungetc('F', in) == 'F');
    CHECK(getline(&line, &room, in) == 8 && strcmp(line, "First 1\n") == 0);
    CHECK(getline(&line, &room, in) == 10001 && wide + "\n" == line);
    CHECK(getline(&line, &room, in) == 4 && strcmp(line, "last") == 0);
    CHECK(getline(&line, &room, in) == -1 && feof(in) != 0 && ferror(in) == 0);
    free(line);
    writer.join();
    const int number = fileno(in);
    CHECK(fclose(in) == 0);
    char byte;
    CHECK_FAILS(read(number, &byte, 1), EBADF);
}

/// Blocks larger than any buffer both ways at once, by two streams over one connection.
static void blocks() {
    const Pair pair;
    const std::string sent = pattern();
    const auto send_block = [&](int fd) {
        FILE* stream = fdopen(fd, "w");
        CHECK(fwrite(sent.data(), 1, sent.size(), stream) == sent.size());
        CHECK(fflush(stream) == 0 && shutdown(fileno(stream), SHUT_WR) == 0 && fclose(stream) == 0);
    };
    const auto receive_block = [&](int fd) {
        FILE* stream = fdopen(fd, "r+");
        std::string got(sent.size() + 1, '\0');
        CHECK(fread(got.data(), 1, got.size(), stream) == sent.size() && feof(stream) != 0);
        got.pop_back();
        CHECK(got == sent);
        CHECK(fclose(stream) == 0);
    };
    // (Duplicated here: the receivers close theirs as soon as they have all.)
    std::thread first(send_block, dup(pair.client)), second(send_block, dup(pair.server));
    std::thread third([&] { receive_block(pair.client); });
    receive_block(pair.server);
    first.join();
    second.join();
    third.join();
}

static int vprint(int fd, const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const int written = vdprintf(fd, format, arguments);
    va_end(arguments);
    return written;
}

static void unbuffered() {
    const Pair pair;
    char buffer[32];
    CHECK(dprintf(pair.client, "%s-%d", "d", 7) == 3);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 3 && memcmp(buffer, "d-7", 3) == 0);
    CHECK(vprint(pair.client, "%x", 255) == 2);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 2 && memcmp(buffer, "ff", 2) == 0);
    FILE* out = fdopen(pair.client, "w");
    CHECK(setvbuf(out, nullptr, _IONBF, 0) == 0);
    CHECK(fputs("now", out) >= 0);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 3);
    CHECK(setvbuf(out, nullptr, _IOLBF, 1024) == 0);
    CHECK(fputs("line\n", out) >= 0);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 5);
    CHECK_FAILS(fseek(out, 0, SEEK_SET), ESPIPE);
    fclose(out);
    close(pair.server);
}

/// What cannot be written is an error of the stream, also if only its close finds out.
static void failures() {
    const Pair pair;
    signal(SIGPIPE, SIG_IGN);
    FILE* out = fdopen(pair.client, "w");
    CHECK(shutdown(pair.client, SHUT_WR) == 0);
    CHECK(fputs("lost", out) >= 0);
    CHECK_FAILS(fclose(out), EPIPE);
    FILE* in = fdopen(pair.server, "r");
    set_time_limit(pair.server, SO_RCVTIMEO, 20);
    CHECK(getc(in) == EOF && feof(in) != 0);
    CHECK(fclose(in) == 0);
}

int main() {
    lines();
    blocks();
    unbuffered();
    failures();
}
