/*
 * The loop of a fork server: a program that has initialised an interpreter, and becomes a learner's
 * program by fork. fork_server_client.h is the agent's side of it.
 *
 * One fork, the spare, is always made ahead and waits for its step, so that no run waits for the
 * fork. What the server itself never sees cannot be found by a later run in the memory that it
 * inherits: only the fork that it is for receives a step, and reads its job.
 */
#ifndef FORK_SERVER_H
#define FORK_SERVER_H

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>

#include "child_setup.h"
#include "fd_passing.h"

/* What an interpreter has to do around a fork, and in it. */
struct interpreter {
    void (*before_fork)(void);
    void (*after_fork)(void);
    void (*begin_fork)(void);
    /* Looks at its step's arguments, calls `begin_program`, never comes back. */
    void (*become_program)(const struct step *step);
};

/* Before the next try where the run holds all processes that there may be, or all memory. */
enum { RETRY_NS = 2000000 };

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

static inline void run_step_of(uint8_t index, const int *passed, const struct interpreter *in) {
    static struct job job;
    struct streams to = {passed[OUT], passed[ERR], passed[REPORT_TO]};
    read_job(passed[JOB], to.report, &job);
    if (index >= job.step_count) fail(to.report, "step");
    apply_sandbox(&job, index, &to);
    /* As exec would have it, or /proc/self and /dev/stdout would not be the program's own. */
    prctl(PR_SET_DUMPABLE, 1);
    prctl(PR_SET_NAME, basename(job.steps[index].argv[0]));
    in->become_program(&job.steps[index]);
    _exit(127);
}

/* What the spare does: it tells the agent who will run the step that it takes. */
static inline void wait_for_step(pid_t helper, const struct interpreter *in) {
    uint8_t index;
    int passed[PASSED_COUNT];
    int32_t self = getpid();
    in->begin_fork();
    /* A child of the agent, and without a trace of the helper, before a program can look. */
    while (!kill(helper, 0) || errno == EPERM) sched_yield();
    if (receive_step(SERVER_SOCKET, &index, passed)) _exit(0);
    if (send(SERVER_SOCKET, &self, sizeof self, MSG_NOSIGNAL) != sizeof self) _exit(0);
    run_step_of(index, passed, in);
}

/*
 * The agent's child instead of the server's, so that the agent learns its end and its usage: its
 * parent is a helper that ends at once. The helper shares the server's memory, so there is one copy
 * only; and glibc's fork, unlike a bare clone with CLONE_PARENT, leaves the new main thread with an
 * id that pthread_kill can use. 0 when it is made.
 */
static inline int make_spare(const struct interpreter *in) {
    volatile pid_t spare = -1;
    in->before_fork();
    pid_t helper = vfork();
    if (helper == 0) {
        pid_t self = getpid();
        spare = fork();
        if (spare == 0) wait_for_step(self, in);
        _exit(0);
    }
    while (helper > 0 && waitpid(helper, NULL, 0) < 0 && errno == EINTR) continue;
    in->after_fork();
    return spare > 0 ? 0 : -1;
}

static inline int agent_is_gone(void) {
    struct pollfd fd = {SERVER_SOCKET, 0, 0};
    return poll(&fd, 1, 0) == 1;
}

/* Makes one spare after the other, until the agent is gone. */
static inline void serve(const struct interpreter *in) {
    const struct timespec moment = {0, RETRY_NS};
    /* Nobody but root may look into this process. */
    prctl(PR_SET_DUMPABLE, 0);
    while (!agent_is_gone()) {
        int ends[2];
        char nothing;
        if (pipe2(ends, O_CLOEXEC)) return;
        int failed = make_spare(in);
        close(ends[1]);
        /* Ends when the spare is the run's user, which closes all that it inherited. */
        if (!failed)
            while (read(ends[0], &nothing, 1) < 0 && errno == EINTR) continue;
        else
            nanosleep(&moment, NULL);
        close(ends[0]);
    }
}

#endif
