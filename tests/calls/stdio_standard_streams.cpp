// SPDX-License-Identifier: GPL-2.0
// A socket as standard input, output and error, as inetd starts its servers: printf, puts, perror, scanf, fgets and
// getchar work on it, and end of file gets through.
#include <fcntl.h>

#include <string>
#include <thread>

#include "check.h"

static std::string read_all(int fd) {
    std::string text;
    char buffer[256];
    for (ssize_t got; (got = read(fd, buffer, sizeof(buffer))) > 0;) {
        text.append(buffer, static_cast<size_t>(got));
    }
    return text;
}

/// What a server started by inetd does; nothing in it knows of sockets.
static void serve() {
    char line[64];
    int number = 0;
    CHECK(fgets(line, sizeof(line), stdin) != nullptr);
    printf("you said %s", line);
    CHECK(scanf("%d", &number) == 1);
    CHECK(getchar() == '\n');
    printf("%d\n", number * 2);
    puts("bye");
    fprintf(stderr, "log\n");
    errno = ENOENT;
    perror("serve");
    CHECK(fgets(line, sizeof(line), stdin) == nullptr && feof(stdin) != 0);
    fflush(stdout);
}

int main() {
    const int real_stderr = dup(2);
    const Pair pair;
    const Pair errors;
    CHECK(dup2(pair.server, 0) == 0 && dup2(pair.server, 1) == 1 && dup2(errors.server, 2) == 2);
    CHECK(close(pair.server) == 0 && close(errors.server) == 0);
    std::string answer, log;
    std::thread client([&] {
        CHECK(write(pair.client, "hello\n21\n", 9) == 9);
        CHECK(shutdown(pair.client, SHUT_WR) == 0);
        answer = read_all(pair.client);
        log = read_all(errors.client);
    });
    serve();
    const int null = open("/dev/null", O_RDWR);
    CHECK(dup2(null, 0) == 0 && dup2(null, 1) == 1 && dup2(real_stderr, 2) == 2);  // ends both connections
    client.join();
    CHECK(answer == "you said hello\n42\nbye\n");
    CHECK(log == "log\nserve: No such file or directory\n");
}
