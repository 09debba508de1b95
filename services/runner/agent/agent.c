/*
 * The process 1 of a sandbox container. It takes jobs on descriptor 0, runs each as an unprivileged
 * user and reports on descriptor 1. runner/sandbox/protocol.py is the other end and documents the
 * frames. It holds SETUID, SETGID and KILL; what it starts holds nothing.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fsuid.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child_setup.h"
#include "frames.h"
#include "job.h"
#include "scrub.h"
#include "fork_server_client.h"

/* MAX_CPUS is the container's quota of processors, see engine.py: how fast CPU time can pass. */
enum { MAX_CPUS = 2, CHUNK = 65536 };

/* How long output is held back, in case the program says more or ends: see frames.h. */
enum { LINGER_US = 4000 };

/* A server may still initialise for so long before it is on the run's time. */
enum { FREE_START_US = 200000 };

/*
 * How often the clocks are looked at, at least, and how much later than meant shows that this
 * process was frozen, or that its output was not taken: no time of the program's.
 */
enum { LOOK_US = 250000, STALL_US = 1000000 };

enum cause { EXITED = 0, TIME_LIMIT = 1, OUTPUT_LIMIT = 2, KILLED = 3 };

struct output {
    int fd;
    char frame;
    uint32_t kept;
    int truncated;
};

struct usage {
    uint64_t peak_kb;
    uint64_t cpu_us;
    uint32_t others;
    int leader_status;
    int leader_done;
};

static int signals;
static struct server server;
static char chunk[CHUNK];

static uint64_t now_us(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Where nothing counts how often the limit was hit: cgroup v1 only notifies the engine of it. */
#define UNKNOWN_HITS UINT32_MAX

/* What the kernel counts of the container's memory. The host's kills are among `kills`. */
struct memory_events {
    uint32_t kills;
    uint32_t limit_hits;
};

/* The value of `key` in a file of lines "key value", or the only value of a file for no key. */
static uint64_t counter(const char *path, const char *key) {
    FILE *file = fopen(path, "re");
    if (!file) return 0;
    char name[64];
    unsigned long long value, found = 0;
    if (!key && fscanf(file, "%llu", &value) == 1) found = value;
    while (key && fscanf(file, "%63s %llu", name, &value) == 2)
        if (!strcmp(name, key)) found = value;
    fclose(file);
    return found;
}

#define CGROUP "/sys/fs/cgroup/"

/* One of the two versions of cgroups is there; the counters of the other give 0. */
static struct memory_events memory_events(void) {
    return (struct memory_events){
        .kills = (uint32_t)(counter(CGROUP "memory.events", "oom_kill") +
                            counter(CGROUP "memory/memory.oom_control", "oom_kill")),
        .limit_hits = (uint32_t)counter(CGROUP "memory.events", "oom")};
}

static uint64_t memory_used(void) {
    return counter(CGROUP "memory.current", NULL) +
           counter(CGROUP "memory/memory.usage_in_bytes", NULL);
}

/* CPU time of the whole container by the kernel's count; 0 where there is none. */
static uint64_t container_cpu_us(void) {
    return counter(CGROUP "cpu.stat", "usage_usec") +
           counter(CGROUP "cpuacct/cpuacct.usage", NULL) / 1000;
}

static void child(const struct job *job, int index, const struct streams *to) {
    const struct step *step = &job->steps[index];
    signal(SIGPIPE, SIG_DFL);
    apply_sandbox(job, index, to);
    execve(step->argv[0], step->argv, job->environment);
    /* The first step starts what the image holds; a later one starts what the learner's code made. */
    if (index == 0) fail(REPORT, step->argv[0]);
    dprintf(2, "%s: %s\n", step->argv[0], strerror(errno));
    _exit(126);
}

static uint64_t cpu_us(const struct rusage *r) {
    return (uint64_t)(r->ru_utime.tv_sec + r->ru_stime.tv_sec) * 1000000 + r->ru_utime.tv_usec +
           r->ru_stime.tv_usec;
}

static void lose_server(void) {
    close(server.socket);
    server.pid = 0;
    server.lost = 1;
}

static void note_end(pid_t pid, pid_t leader, int status, const struct rusage *r,
                     struct usage *usage) {
    if (pid == server.pid) {
        lose_server();
        return;
    }
    if ((uint64_t)r->ru_maxrss > usage->peak_kb) usage->peak_kb = r->ru_maxrss;
    usage->cpu_us += cpu_us(r);
    if (pid == leader) {
        usage->leader_status = status;
        usage->leader_done = 1;
    } else if (usage->leader_done) {
        usage->others++;
    }
}

/* 0 when there was nothing to reap. */
static int reap_one(pid_t leader, struct usage *usage, int flags) {
    struct rusage r;
    int status;
    pid_t pid = wait4(-1, &status, flags, &r);
    if (pid > 0) note_end(pid, leader, status, &r, usage);
    return pid > 0;
}

static void reap(pid_t leader, struct usage *usage, int flags) {
    while (reap_one(leader, usage, flags)) continue;
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

/* The time since `before` as far as it was a stall. */
static uint64_t stall_since(uint64_t before, uint64_t now) {
    return now - before > LOOK_US + STALL_US ? now - before - LOOK_US : 0;
}

/* Adds to *stalled what is not the program's time. */
static enum cause supervise(pid_t leader, const struct step *step, struct output *streams,
                            uint64_t started, struct usage *usage, uint64_t *stalled) {
    uint64_t deadline = started + step->wall_ms * 1000ULL, look = 0, send_at = 0;
    uint64_t cpu_before = container_cpu_us(), last = started;
    struct pollfd fds[4] = {{streams[0].fd, POLLIN, 0},
                            {streams[1].fd, POLLIN, 0},
                            {signals, POLLIN, 0},
                            {0, POLLIN, 0}};
    for (;;) {
        uint64_t now = now_us();
        *stalled += stall_since(last, now);
        last = now;
        if (now >= look) look = next_look(step, deadline + *stalled, cpu_before);
        if (look == 0) return TIME_LIMIT;
        if (look > now + LOOK_US) look = now + LOOK_US;
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

static void report_memory(const struct memory_events *before, const struct memory_events *after) {
    char body[12];
    int counted = access(CGROUP "memory.events", R_OK) == 0;
    uint32_t hits = counted ? after->limit_hits - before->limit_hits : UNKNOWN_HITS;
    put_u64(put_u32(body, hits), memory_used());
    send_frame('M', body, sizeof body);
}

static void report_step(enum cause cause, const struct usage *usage, uint64_t wall, uint32_t kills,
                        const struct output *streams) {
    char body[64];
    int exited = WIFEXITED(usage->leader_status);
    char *at = body;
    *at++ = (char)cause;
    *at++ = (char)((streams[0].truncated ? 1 : 0) | (streams[1].truncated ? 2 : 0));
    at = put_u32(at, exited ? WEXITSTATUS(usage->leader_status) : 0);
    at = put_u32(at, exited ? 0 : WTERMSIG(usage->leader_status));
    at = put_u32(at, kills);
    at = put_u32(at, usage->others);
    at = put_u64(at, wall);
    at = put_u64(at, usage->cpu_us);
    at = put_u64(at, usage->peak_kb);
    send_frame('S', body, (uint32_t)(at - body));
}

/*
 * Kills all that the run started, and not the fork server: as the run's user, which no process of a
 * run can cease to be. Root stays the saved id: until it is back, nobody can trace this process, and
 * process 1 heeds no signal. Whoever could slow it meanwhile was left behind, so the container goes.
 * Where memory is too short even for that, the server goes with the rest.
 */
static void kill_all_of(uid_t uid) {
    int failed = setresuid(uid, uid, 0);
    kill(-1, SIGKILL);
    if (!failed && setresuid(0, 0, 0)) die("setresuid");
}

/* By the owners in /proc, where processes stay until they are reaped. */
static int has_processes(uid_t uid) {
    DIR *processes = opendir("/proc");
    if (!processes) die("/proc");
    int found = 0;
    for (struct dirent *entry; !found && (entry = readdir(processes));) {
        struct stat owner;
        if (*entry->d_name < '1' || *entry->d_name > '9') continue;
        found = !fstatat(dirfd(processes), entry->d_name, &owner, 0) && owner.st_uid == uid;
    }
    closedir(processes);
    return found;
}

/* The dead come here one by one, as process 1 inherits them; waiting ends with the last. */
static void end_all_of(uid_t uid, pid_t leader, struct usage *usage) {
    /* One that failed before it became that user may be root's still. */
    if (!usage->leader_done) kill(leader, SIGKILL);
    kill_all_of(uid);
    while ((!usage->leader_done || has_processes(uid)) && reap_one(leader, usage, 0)) continue;
}

struct run_pipes {
    int out[2];
    int err[2];
    int report[2];
};

/* Made as the run's user, who may then open it again as /dev/stdout. */
static int open_pipe(int *ends, uid_t uid) {
    setfsuid(uid);
    int failed = pipe2(ends, O_CLOEXEC);
    setfsuid(0);
    return failed || fcntl(ends[0], F_SETFL, O_NONBLOCK);
}

static struct streams open_pipes(struct run_pipes *pipes, uid_t uid) {
    if (open_pipe(pipes->out, uid) || open_pipe(pipes->err, uid) ||
        pipe2(pipes->report, O_CLOEXEC))
        die("pipe");
    return (struct streams){pipes->out[1], pipes->err[1], pipes->report[1]};
}

static void close_ends(const struct run_pipes *pipes, int end) {
    close(pipes->out[end]);
    close(pipes->err[end]);
    close(pipes->report[end]);
}

/* What a server that failed may have begun is killed, and its output is dropped. */
static void discard_server(struct run_pipes *pipes, struct streams *to, uid_t uid) {
    struct usage ignored = {0};
    kill(-1, SIGKILL);
    reap(0, &ignored, 0);
    close_ends(pipes, 0);
    close_ends(pipes, 1);
    *to = open_pipes(pipes, uid);
}

/* A fork of the server where that is as good, else a process of its own. */
static pid_t start_step(const struct job *job, int index, struct run_pipes *pipes) {
    struct streams to = open_pipes(pipes, job->uid);
    pid_t leader = 0;
    if (serves(&server, job, index)) {
        leader = fork_from(&server, job, index, &to);
        if (leader <= 0) discard_server(pipes, &to, job->uid);
    }
    if (leader <= 0) leader = fork();
    if (leader < 0) die("fork");
    if (leader == 0) child(job, index, &to);
    close_ends(pipes, 1);
    return leader;
}

/* Gives -1 when the program could not be started; 0 when later steps may follow; 1 otherwise. */
static int run_step(const struct job *job, int index) {
    const struct step *step = &job->steps[index];
    struct run_pipes pipes;
    struct memory_events before = memory_events();
    uint64_t asked = now_us(), stalled = 0;
    pid_t leader = start_step(job, index, &pipes);
    uint64_t started = now_us();
    if (started > asked + FREE_START_US) started = asked + FREE_START_US;

    struct output streams[2] = {{pipes.out[0], 'O', 0, 0}, {pipes.err[0], 'E', 0, 0}};
    struct usage usage = {0};
    /* Ends at once when the program starts: its copy is closed then. */
    ssize_t problem = read(pipes.report[0], chunk, CHUNK);
    close(pipes.report[0]);
    enum cause cause = EXITED;
    if (problem <= 0)
        cause = supervise(leader, step, streams, started, &usage, &stalled);
    uint64_t wall = now_us() - started - stalled;

    end_all_of(job->uid, leader, &usage);
    if (problem > 0) {
        send_frame('X', chunk, (uint32_t)problem);
        close(pipes.out[0]);
        close(pipes.err[0]);
        return -1;
    }
    drain(streams, step);
    struct memory_events after = memory_events();
    report_memory(&before, &after);
    report_step(cause, &usage, wall, after.kills - before.kills, streams);
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
    char clean = (char)(job.scrub && !server.lost ? scrub(job.uid) : 0);
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
        if (type == 'P')
            start_server(data, size, &server);
        else
            free(data);
    }
}
