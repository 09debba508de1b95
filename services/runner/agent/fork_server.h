/*
 * The loop of a fork server: a program that has initialised an interpreter, and becomes a learner's
 * program by fork. server.h is the agent's side of it.
 *
 * What the server itself never sees cannot be found by a later run in the memory that it inherits:
 * a job is a descriptor here, which only the fork reads.
 */
#ifndef FORK_SERVER_H
#define FORK_SERVER_H

#include <sched.h>
#include <sys/wait.h>

#include "child.h"
#include "handover.h"

/* Becomes the program: looks at its step's arguments, calls `begin_program`, never comes back. */
typedef void become_program(const struct step *step);

static char *job_data;
static size_t job_size;

/* The program starts now, and the memory its job took is its own. */
static inline void begin_program(void) {
    munmap(job_data, job_size);
    close(REPORT);
}

static inline void read_job(int fd, int report, struct job *job) {
    struct stat held;
    if (fstat(fd, &held)) fail(report, "job");
    job_size = (size_t)held.st_size;
    /* Private, because laying out files writes into their names. */
    job_data = mmap(NULL, job_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
    if (job_data == MAP_FAILED) fail(report, "job");
    if (parse_job(job_data, (uint32_t)job_size, job)) fail(report, "job");
}

static inline void serve_step(uint8_t index, const int *handed, pid_t helper,
                              become_program *program) {
    static struct job job;
    struct streams to = {handed[OUT], handed[ERR], handed[TELL]};
    read_job(handed[JOB], to.report, &job);
    if (index >= job.step_count) fail(to.report, "step");
    settle(&job, index, &to);
    /* As exec would have it, or /proc/self and /dev/stdout would not be the program's own. */
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_NAME, basename(job.steps[index].argv[0]));
    /* A child of the agent, and without a trace of the helper, before it can look. */
    while (!kill(helper, 0) || errno == EPERM) sched_yield();
    program(&job.steps[index]);
    _exit(127);
}

/*
 * The agent's child instead of the server's, so that the agent learns its end and its usage: its
 * parent is a helper that ends at once. The helper shares the server's memory, so there is one copy
 * only; and glibc's fork, unlike a bare clone with CLONE_PARENT, leaves the new main thread with an
 * id that pthread_kill can use.
 */
static inline pid_t fork_step(uint8_t index, const int *handed, become_program *program) {
    volatile pid_t forked = -1;
    volatile int problem = 0;
    pid_t helper = vfork();
    if (helper < 0) return -errno;
    if (helper == 0) {
        pid_t self = getpid();
        forked = fork();
        if (forked == 0) serve_step(index, handed, self, program);
        problem = errno;
        _exit(0);
    }
    while (waitpid(helper, NULL, 0) < 0 && errno == EINTR) continue;
    return forked > 0 ? forked : -problem;
}

/* Serves until the agent is gone. `before` and `after` enclose each fork. */
static inline void serve(become_program *program, void (*before)(void), void (*after)(void)) {
    uint8_t index;
    int handed[HANDED];
    /* Nobody but root may look into this process. */
    prctl(PR_SET_DUMPABLE, 0);
    while (!receive_step(SERVER_SOCKET, &index, handed)) {
        before();
        int32_t answer = fork_step(index, handed, program);
        after();
        for (int i = 0; i < HANDED; i++) close(handed[i]);
        if (send(SERVER_SOCKET, &answer, sizeof answer, MSG_NOSIGNAL) != sizeof answer) return;
    }
}

#endif
