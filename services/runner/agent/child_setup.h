/* What a new process does before it is the program: it becomes the run's user, under its limits. */
#ifndef CHILD_SETUP_H
#define CHILD_SETUP_H

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "job.h"

/* Where the report is once the sandbox is applied; nothing else is open beyond the streams. */
enum { REPORT = 3 };

static const char WORK[] = "/tmp/work";

struct streams {
    int out;
    int err;
    int report;
};

static inline void fail(int report, const char *what) {
    dprintf(report, "%s: %s", what, strerror(errno));
    _exit(127);
}

static inline void limit(int report, int resource, rlim_t soft, rlim_t hard) {
    struct rlimit r = {soft, hard};
    if (setrlimit(resource, &r)) fail(report, "setrlimit");
}

static inline void set_limits(int report, const struct step *step) {
    rlim_t seconds = step->wall_ms / 1000 + 2;
    limit(report, RLIMIT_CPU, seconds, seconds);
    limit(report, RLIMIT_CORE, 0, 0);
    limit(report, RLIMIT_NOFILE, 1024, 1024);
    limit(report, RLIMIT_MSGQUEUE, 0, 0);
    limit(report, RLIMIT_MEMLOCK, 65536, 65536);
}

static inline void drop_privileges(int report, uid_t uid) {
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0 || write(score, "1000", 4) != 4) fail(report, "oom_score_adj");
    close(score);
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
        fail(report, "setuid");
}

static inline void write_file(int report, struct field f) {
    char *name = f.data;
    size_t name_size = strlen(name) + 1;
    for (char *slash = strchr(name, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        if (mkdir(name, 0700) && errno != EEXIST) fail(report, "mkdir");
        *slash = '/';
    }
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) fail(report, "open");
    if (write_all(fd, name + name_size, f.size - name_size)) fail(report, "write");
    close(fd);
}

/*
 * No io_uring: it does what other calls do, past every filter on those, and older engines' seccomp
 * profiles let it through. Its three numbers are the same on all architectures.
 */
static inline void forbid_io_uring(int report) {
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_STMT(BPF_ALU | BPF_AND | BPF_K, ~0x40000000U), /* the mark of x32 */
        BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SYS_io_uring_setup, 0, 2),
        BPF_JUMP(BPF_JMP | BPF_JGT | BPF_K, SYS_io_uring_register, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof code / sizeof *code, code};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        fail(report, "seccomp");
}

static inline void lay_files(int report, const struct job *job) {
    if (mkdir(WORK, 0700) && errno != EEXIST) fail(report, "mkdir");
    if (chdir(WORK)) fail(report, "chdir");
    for (int i = 0; i < job->file_count; i++) write_file(report, job->files[i]);
}

/* The whole input at once in memory: the program may read it as slowly as it likes. */
static inline int input_for(int report, const struct job *job, int last_step) {
    if (!last_step || job->input.size == 0) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, job->input.data, job->input.size)) fail(report, "stdin");
    lseek(fd, 0, SEEK_SET);
    return fd;
}

/* Makes this process what the program will be; what goes wrong is written to `report`. */
static inline void apply_sandbox(const struct job *job, int index, const struct streams *to) {
    const struct step *step = &job->steps[index];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setsid();
    umask(077);
    drop_privileges(to->report, job->uid);
    set_limits(to->report, step);
    forbid_io_uring(to->report);
    if (index == 0)
        lay_files(to->report, job);
    else if (chdir(WORK))
        fail(to->report, "chdir");
    int in = input_for(to->report, job, index == job->step_count - 1);
    if (dup2(in, 0) < 0 || dup2(to->out, 1) < 0 || dup2(to->err, 2) < 0) fail(to->report, "dup2");
    if (dup2(to->report, REPORT) < 0 || fcntl(REPORT, F_SETFD, FD_CLOEXEC)) fail(to->report, "dup2");
    syscall(SYS_close_range, REPORT + 1, ~0U, 0);
}

#endif
