/* The agent's side of a fork server: starting it, and having it fork. fork_server.h is the other. */
#ifndef FORK_SERVER_CLIENT_H
#define FORK_SERVER_CLIENT_H

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "child_setup.h"
#include "fd_passing.h"
#include "job.h"

/* Many times what an interpreter takes to initialise; at most half of the run's time is waited. */
enum { ANSWER_MS = 1000 };

/* `pid` is 0 where there is none; one that is `lost` was there, and makes the container unfit. */
struct server {
    pid_t pid;
    int socket;
    int lost;
    char *program;
    char *argv[MAX_WORDS + 1];
    char *environment[MAX_WORDS + 1];
};

static inline int parse_server(char *data, uint32_t size, struct server *server) {
    struct field f;
    char *words[MAX_WORDS + 1] = {NULL};
    while (size > 0) {
        if (next_field(&data, &size, &f) || f.size == 0 || f.data[f.size - 1] != '\0') return -1;
        char **into = f.type == 'a' ? words : f.type == 'e' ? server->environment : NULL;
        if (!into || split_words(f.data, f.size, into) < 0) return -1;
    }
    if (!words[0] || !words[1]) return -1;
    server->program = words[0];
    memcpy(server->argv, words + 1, sizeof words - sizeof *words);
    return 0;
}

static inline void become_server(const struct server *server, int socket) {
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    /* Streams of the kinds that a run has, as the interpreter looks at them while it initialises. */
    int ends[2], in = open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (in < 0 || pipe2(ends, O_CLOEXEC)) _exit(127);
    if (dup2(in, 0) < 0 || dup2(ends[1], 1) < 0 || dup2(ends[1], 2) < 0) _exit(127);
    if (dup2(socket, SERVER_SOCKET) < 0) _exit(127);
    syscall(SYS_close_range, SERVER_SOCKET + 1, ~0U, 0);
    execve(server->program, server->argv, server->environment);
    _exit(127);
}

/* It initialises in the background; `data` has to stay. One that cannot start is lost at its use. */
static inline void start_server(char *data, uint32_t size, struct server *server) {
    int ends[2];
    if (parse_server(data, size, server)) die("malformed server");
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)) die("socketpair");
    server->socket = ends[0];
    server->pid = fork();
    if (server->pid < 0) die("fork");
    if (server->pid == 0) become_server(server, ends[1]);
    close(ends[1]);
}

static inline int begins_with(char *const *words, char *const *beginning) {
    for (; *beginning; words++, beginning++)
        if (!*words || strcmp(*words, *beginning)) return 0;
    return 1;
}

/* Whether a fork of the server is what exec would start. */
static inline int serves(const struct server *server, const struct job *job, int index) {
    return server->pid > 0 && begins_with(job->steps[index].argv, server->argv) &&
           begins_with(job->environment, server->environment) &&
           begins_with(server->environment, job->environment);
}

static inline pid_t answer_of(const struct server *server, uint32_t wall_ms) {
    int32_t answer;
    struct pollfd fd = {server->socket, POLLIN, 0};
    if (poll(&fd, 1, wall_ms / 2 < ANSWER_MS ? (int)(wall_ms / 2) : ANSWER_MS) != 1) return -1;
    return recv(server->socket, &answer, sizeof answer, 0) == sizeof answer ? answer : -1;
}

/* The new child of this process; not above 0 when something went wrong. */
static inline pid_t fork_from(const struct server *server, const struct job *job, int index,
                              const struct streams *to) {
    int frame = memfd_create("job", MFD_CLOEXEC);
    if (frame < 0) return -1;
    const int passed[PASSED_COUNT] = {
        [JOB] = frame, [OUT] = to->out, [ERR] = to->err, [REPORT_TO] = to->report};
    pid_t child = -1;
    if (!write_all(frame, job->frame.data, job->frame.size) &&
        !send_step(server->socket, (uint8_t)index, passed))
        child = answer_of(server, job->steps[index].wall_ms);
    close(frame);
    return child;
}

#endif
