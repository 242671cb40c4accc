// SPDX-License-Identifier: GPL-2.0
// freopen() of a stream that is on a socket, and fclose() of a standard stream: the connection ends, the number is
// free, or the file's; a stream on a file is not disturbed by sockets.
#include <fcntl.h>
#include <sys/stat.h>

#include "check.h"

static bool is_socket(int fd) {
    struct stat info {};
    return fstat(fd, &info) == 0 && S_ISSOCK(info.st_mode);
}

int main() {
    close_inherited();
    const Pair pair;
    FILE* stream = fdopen(pair.client, "r+");
    CHECK(fputs("before", stream) >= 0);
    char buffer[16];
    CHECK(freopen("/dev/null", "w", stream) == stream);  // flushes, closes, opens
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 6);
    CHECK(read(pair.server, buffer, sizeof(buffer)) == 0);
    CHECK(!is_socket(fileno(stream)) && fputs("gone", stream) >= 0 && fclose(stream) == 0);
    CHECK(close(pair.server) == 0);

    // freopen() keeps the number of a standard stream.
    const Pair second;
    CHECK(dup2(second.server, 0) == 0 && close(second.server) == 0 && is_socket(0));
    CHECK(freopen("/dev/zero", "r", stdin) == stdin && fileno(stdin) == 0 && !is_socket(0));
    CHECK(getchar() == 0);
    CHECK(read(second.client, buffer, sizeof(buffer)) == 0);
    CHECK(close(second.client) == 0);

    // fclose(stdin): the next socket is number 0.
    CHECK(fclose(stdin) == 0);
    const int zero = socket(AF_INET, SOCK_DGRAM, 0);
    CHECK(zero == 0 && is_socket(0));
    const sockaddr_in address = loopback();
    CHECK(bind(zero, generic(address), sizeof(address)) == 0);
    const sockaddr_in name = name_of(zero);
    CHECK(sendto(zero, "self", 4, 0, generic(name), sizeof(name)) == 4);
    CHECK(recv(zero, buffer, sizeof(buffer), 0) == 4);

    // A pipe to a command, and a stream on a file, beside them.
    FILE* command = popen("cat >/dev/null", "w");
    CHECK(command != nullptr && fputs("x", command) >= 0 && pclose(command) == 0);
    FILE* file = tmpfile();
    CHECK(file != nullptr && fputs("text", file) >= 0);
    rewind(file);
    CHECK(fread(buffer, 1, 4, file) == 4 && memcmp(buffer, "text", 4) == 0 && fclose(file) == 0);
    CHECK(recv(zero, buffer, sizeof(buffer), MSG_DONTWAIT) == -1 && errno == EAGAIN);
}
