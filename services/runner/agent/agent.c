/*
 * The process 1 of a sandbox container. It takes jobs on descriptor 0, runs each as an unprivileged
 * user and reports on descriptor 1. runner/sandbox/protocol.py is the other end and documents the
 * frames. It holds SETUID, SETGID and KILL; what it starts holds nothing.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "frames.h"
#include "scrub.h"

/* MAX_CPUS is the container's quota of processors, see engine.py: how fast CPU time can pass. */
enum { MAX_CPUS = 2, MAX_STEPS = 4, MAX_WORDS = 256, MAX_FILES = 128, CHUNK = 65536 };

/* How long output is held back, in case the program says more or ends: see frames.h. */
enum { LINGER_US = 4000 };

static const char WORK[] = "/tmp/work";

enum cause { EXITED = 0, TIME_LIMIT = 1, OUTPUT_LIMIT = 2, KILLED = 3 };

struct step {
    uint32_t wall_ms;
    uint32_t output_limit;
    char *argv[MAX_WORDS + 1];
};

struct job {
    uid_t uid;
    int scrub;
    struct field files[MAX_FILES];
    int file_count;
    struct field input;
    struct step steps[MAX_STEPS];
    int step_count;
    char *environment[MAX_WORDS + 1];
    int environment_count;
};

struct output {
    int fd;
    char frame;
    uint32_t kept;
    int truncated;
};

struct usage {
    uint64_t peak_kb;
    uint32_t others;
    int leader_status;
    int leader_done;
};

static int signals;
static char chunk[CHUNK];

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static uint64_t children_cpu_us(void) {
    struct rusage r;
    getrusage(RUSAGE_CHILDREN, &r);
    return (uint64_t)(r.ru_utime.tv_sec + r.ru_stime.tv_sec) * 1000000 + r.ru_utime.tv_usec +
           r.ru_stime.tv_usec;
}

/* The kernel's count of processes it killed for memory: cgroup v2, then v1. */
static uint32_t oom_kills(void) {
    static const char *const counters[] = {"/sys/fs/cgroup/memory.events",
                                           "/sys/fs/cgroup/memory/memory.oom_control"};
    for (size_t i = 0; i < sizeof counters / sizeof *counters; i++) {
        FILE *file = fopen(counters[i], "re");
        if (!file) continue;
        char name[64];
        unsigned long long value;
        uint32_t found = 0;
        while (fscanf(file, "%63s %llu", name, &value) == 2)
            if (!strcmp(name, "oom_kill")) found = (uint32_t)value;
        fclose(file);
        return found;
    }
    return 0;
}

/* CPU time of the whole container by the kernel's count, cgroup v2, then v1; 0 where there is none. */
static uint64_t container_cpu_us(void) {
    unsigned long long value = 0;
    FILE *file = fopen("/sys/fs/cgroup/cpu.stat", "re");
    if (file) {
        int found = fscanf(file, "usage_usec %llu", &value);
        fclose(file);
        if (found == 1) return value;
    }
    file = fopen("/sys/fs/cgroup/cpuacct/cpuacct.usage", "re");
    if (!file) return 0;
    if (fscanf(file, "%llu", &value) != 1) value = 0;
    fclose(file);
    return value / 1000;
}

/* ---- reading a job: fields inside one frame; the buffer stays alive while the job runs ---- */

static int split_words(char *start, uint32_t size, char **words) {
    int count = 0;
    for (char *at = start; at < start + size; at += strlen(at) + 1) {
        if (count == MAX_WORDS) return -1;
        words[count++] = at;
    }
    words[count] = NULL;
    return count;
}

static int parse_step(struct field f, struct job *job) {
    if (job->step_count == MAX_STEPS || f.size < 10 || f.data[f.size - 1] != '\0') return -1;
    struct step *step = &job->steps[job->step_count++];
    step->wall_ms = get_u32(f.data);
    step->output_limit = get_u32(f.data + 4);
    return split_words(f.data + 8, f.size - 8, step->argv) > 0 ? 0 : -1;
}

static int parse_field(struct field f, struct job *job) {
    switch (f.type) {
    case 'u':
        if (f.size != 5) return -1;
        job->uid = get_u32(f.data);
        job->scrub = f.data[4];
        return 0;
    case 'f':
        if (job->file_count == MAX_FILES || !memchr(f.data, '\0', f.size)) return -1;
        job->files[job->file_count++] = f;
        return 0;
    case 'i':
        job->input = f;
        return 0;
    case 'e':
        if (f.size == 0 || f.data[f.size - 1] != '\0') return -1;
        job->environment_count = split_words(f.data, f.size, job->environment);
        return job->environment_count < 0 ? -1 : 0;
    case 's':
        return parse_step(f, job);
    default:
        return -1;
    }
}

static int parse_job(char *data, uint32_t size, struct job *job) {
    memset(job, 0, sizeof *job);
    struct field f;
    while (size > 0) {
        if (next_field(&data, &size, &f) || parse_field(f, job)) return -1;
    }
    return job->uid > 0 && job->step_count > 0 ? 0 : -1;
}

/* ---- the child: becomes the run's user, then the program ---- */

static void fail(int report, const char *what) {
    dprintf(report, "%s: %s", what, strerror(errno));
    _exit(127);
}

static void limit(int report, int resource, rlim_t soft, rlim_t hard) {
    struct rlimit r = {soft, hard};
    if (setrlimit(resource, &r)) fail(report, "setrlimit");
}

static void set_limits(int report, const struct step *step) {
    rlim_t seconds = step->wall_ms / 1000 + 2;
    limit(report, RLIMIT_CPU, seconds, seconds);
    limit(report, RLIMIT_CORE, 0, 0);
    limit(report, RLIMIT_NOFILE, 1024, 1024);
    limit(report, RLIMIT_MSGQUEUE, 0, 0);
    limit(report, RLIMIT_MEMLOCK, 65536, 65536);
}

static void become(int report, uid_t uid) {
    int score = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);
    if (score < 0 || write(score, "1000", 4) != 4) fail(report, "oom_score_adj");
    close(score);
    if (setgroups(0, NULL) || setresgid(uid, uid, uid) || setresuid(uid, uid, uid))
        fail(report, "setuid");
}

static void write_file(int report, struct field f) {
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
static void forbid_io_uring(int report) {
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

static void lay_files(int report, const struct job *job) {
    if (mkdir(WORK, 0700) && errno != EEXIST) fail(report, "mkdir");
    if (chdir(WORK)) fail(report, "chdir");
    for (int i = 0; i < job->file_count; i++) write_file(report, job->files[i]);
}

/* The whole input at once in memory: the program may read it as slowly as it likes. */
static int input_for(int report, const struct job *job, int last_step) {
    if (!last_step || job->input.size == 0) return open("/dev/null", O_RDONLY | O_CLOEXEC);
    int fd = memfd_create("stdin", MFD_CLOEXEC);
    if (fd < 0 || write_all(fd, job->input.data, job->input.size)) fail(report, "stdin");
    lseek(fd, 0, SEEK_SET);
    return fd;
}

static void child(const struct job *job, int index, int out, int err, int report) {
    const struct step *step = &job->steps[index];
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    signal(SIGPIPE, SIG_DFL);
    setsid();
    umask(077);
    become(report, job->uid);
    set_limits(report, step);
    forbid_io_uring(report);
    if (index == 0)
        lay_files(report, job);
    else if (chdir(WORK))
        fail(report, "chdir");
    int in = input_for(report, job, index == job->step_count - 1);
    if (dup2(in, 0) < 0 || dup2(out, 1) < 0 || dup2(err, 2) < 0) fail(report, "dup2");
    if (dup2(report, 3) < 0 || fcntl(3, F_SETFD, FD_CLOEXEC)) fail(report, "dup2");
    syscall(SYS_close_range, 4, ~0U, 0);
    execve(step->argv[0], step->argv, job->environment);
    /* The first step starts what the image holds; a later one starts what the learner's code made. */
    if (index == 0) fail(3, step->argv[0]);
    dprintf(2, "%s: %s\n", step->argv[0], strerror(errno));
    _exit(126);
}

/* ---- the parent: pumps output, keeps the limits, leaves nothing alive ---- */

static void reap(pid_t leader, struct usage *usage, int flags) {
    struct rusage r;
    int status;
    pid_t pid;
    while ((pid = wait4(-1, &status, flags, &r)) > 0) {
        if ((uint64_t)r.ru_maxrss > usage->peak_kb) usage->peak_kb = r.ru_maxrss;
        if (pid == leader) {
            usage->leader_status = status;
            usage->leader_done = 1;
        } else if (usage->leader_done) {
            usage->others++;
        }
    }
}

/* 0: nothing more for now; -1: the stream ended; 1: past its limit. */
static int pump(struct output *stream, uint32_t output_limit) {
    for (;;) {
        ssize_t size = read(stream->fd, chunk, CHUNK);
        if (size < 0 && errno == EINTR) continue;
        if (size < 0) return 0;
        if (size == 0) return -1;
        uint32_t room = output_limit - stream->kept;
        uint32_t take = (uint32_t)size < room ? (uint32_t)size : room;
        if (take > 0) send_frame(stream->frame, chunk, take);
        stream->kept += take;
        if (take < (uint32_t)size) {
            stream->truncated = 1;
            return 1;
        }
    }
}

/* Until when to wait before looking at the clocks again; at most `deadline`, 0 when time is up. */
static uint64_t next_look(const struct step *step, uint64_t deadline, uint64_t cpu_before) {
    uint64_t now = now_us(), limit = step->wall_ms * 1000ULL;
    uint64_t cpu = container_cpu_us() - cpu_before;
    if (now >= deadline || cpu >= limit) return 0;
    uint64_t cpu_left = (limit - cpu) / MAX_CPUS + 1000;
    return cpu_left < deadline - now ? now + cpu_left : deadline;
}

/* Sends what collected once it is due; gives until when to wait, at most `look`. */
static uint64_t hold_back(uint64_t now, uint64_t *send_at, uint64_t look) {
    if (outgoing_size > 0 && *send_at == 0) *send_at = now + LINGER_US;
    if (outgoing_size == 0 || now >= *send_at) {
        flush_frames();
        *send_at = 0;
        return look;
    }
    return *send_at < look ? *send_at : look;
}

static enum cause supervise(pid_t leader, const struct step *step, struct output *streams,
                            uint64_t started, struct usage *usage) {
    uint64_t deadline = started + step->wall_ms * 1000ULL, look = 0, send_at = 0;
    uint64_t cpu_before = container_cpu_us();
    struct pollfd fds[4] = {{streams[0].fd, POLLIN, 0},
                            {streams[1].fd, POLLIN, 0},
                            {signals, POLLIN, 0},
                            {0, POLLIN, 0}};
    for (;;) {
        uint64_t now = now_us();
        if (now >= look) look = next_look(step, deadline, cpu_before);
        if (look == 0) return TIME_LIMIT;
        uint64_t until = hold_back(now, &send_at, look);
        if (poll(fds, 4, until > now ? (int)((until - now) / 1000 + 1) : 0) < 0 && errno != EINTR)
            return KILLED;
        for (int i = 0; i < 2; i++) {
            if (!fds[i].revents) continue;
            int state = pump(&streams[i], step->output_limit);
            if (state == 1) return OUTPUT_LIMIT;
            if (state == -1) fds[i].fd = -1;
        }
        if (fds[2].revents) {
            struct signalfd_siginfo info;
            while (read(signals, &info, sizeof info) > 0) continue;
            reap(leader, usage, WNOHANG);
            if (usage->leader_done) return EXITED;
        }
        /* Anything on descriptor 0 while a job runs means: stop it. An end means: stop all. */
        if (fds[3].revents) return KILLED;
    }
}

static void drain(struct output *streams, const struct step *step) {
    for (int i = 0; i < 2; i++) {
        int state = 0;
        while (state == 0) {
            /* All writers are dead, so this ends; it waits only for the kernel to say so. */
            struct pollfd fd = {streams[i].fd, POLLIN, 0};
            poll(&fd, 1, -1);
            state = pump(&streams[i], step->output_limit);
        }
        close(streams[i].fd);
    }
}

static void report_step(enum cause cause, const struct usage *usage, uint64_t wall, uint64_t cpu,
                        uint32_t ooms, const struct output *streams) {
    char body[64];
    int exited = WIFEXITED(usage->leader_status);
    char *at = body;
    *at++ = (char)cause;
    *at++ = (char)((streams[0].truncated ? 1 : 0) | (streams[1].truncated ? 2 : 0));
    at = put_u32(at, exited ? WEXITSTATUS(usage->leader_status) : 0);
    at = put_u32(at, exited ? 0 : WTERMSIG(usage->leader_status));
    at = put_u32(at, ooms);
    at = put_u32(at, usage->others);
    at = put_u64(at, wall);
    at = put_u64(at, cpu);
    at = put_u64(at, usage->peak_kb);
    send_frame('S', body, (uint32_t)(at - body));
}

/* Made as the run's user, who may then open it again as /dev/stdout. */
static int open_pipe(int *ends, uid_t uid) {
    setfsuid(uid);
    int failed = pipe2(ends, O_CLOEXEC);
    setfsuid(0);
    return failed || fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

/* Gives -1 when the program could not be started; 0 when later steps may follow; 1 otherwise. */
static int run_step(const struct job *job, int index) {
    const struct step *step = &job->steps[index];
    int out[2], err[2], report[2];
    if (open_pipe(out, job->uid) || open_pipe(err, job->uid) || pipe2(report, O_CLOEXEC))
        die("pipe");
    uint32_t ooms = oom_kills();
    uint64_t cpu = children_cpu_us(), started = now_us();
    pid_t leader = fork();
    if (leader < 0) die("fork");
    if (leader == 0) child(job, index, out[1], err[1], report[1]);
    close(out[1]);
    close(err[1]);
    close(report[1]);

    struct output streams[2] = {{out[0], 'O', 0, 0}, {err[0], 'E', 0, 0}};
    struct usage usage = {0};
    /* Ends at once when the program starts: its copy is closed by exec. */
    ssize_t problem = read(report[0], chunk, CHUNK);
    close(report[0]);
    enum cause cause = EXITED;
    if (problem <= 0)
        cause = supervise(leader, step, streams, started, &usage);
    uint64_t wall = now_us() - started;

    kill(-1, SIGKILL);
    reap(leader, &usage, 0);
    if (problem > 0) {
        send_frame('X', chunk, (uint32_t)problem);
        close(out[0]);
        close(err[0]);
        return -1;
    }
    drain(streams, step);
    report_step(cause, &usage, wall, children_cpu_us() - cpu, oom_kills() - ooms, streams);
    return cause != EXITED || usage.leader_status != 0;
}

/* Between two steps the runner may change the container's limits; it says when that is done. */
static int may_continue(void) {
    char type;
    uint32_t size;
    char *data = receive_frame(&type, &size);
    if (!data) exit(0);
    free(data);
    return type == 'C';
}

static void run_job(char *data, uint32_t size) {
    static struct job job;
    if (parse_job(data, size, &job)) die("malformed job");
    for (int i = 0; i < job.step_count; i++) {
        if (run_step(&job, i)) break;
        if (i + 1 < job.step_count && !may_continue()) break;
    }
    char clean = (char)(job.scrub ? scrub(job.uid) : 0);
    send_frame('D', &clean, 1);
}

static void prepare(void) {
    sigset_t children;
    sigemptyset(&children);
    sigaddset(&children, SIGCHLD);
    sigprocmask(SIG_BLOCK, &children, NULL);
    signal(SIGPIPE, SIG_IGN);
    signals = signalfd(-1, &children, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals < 0) die("signalfd");
    /* Nobody but root may look into this process, whatever its user id. */
    prctl(PR_SET_DUMPABLE, 0);
}

int main(void) {
    prepare();
    send_frame('H', NULL, 0);
    for (;;) {
        char type;
        uint32_t size;
        char *data = receive_frame(&type, &size);
        if (!data) return 0;
        /* A stop that arrives after its job ended has nothing to stop. */
        if (type == 'J') run_job(data, size);
        free(data);
    }
}
