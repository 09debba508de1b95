/* A job as the runner sends it: fields inside one frame, whose buffer stays alive while it runs. */
#ifndef JOB_H
#define JOB_H

#include <stdint.h>
#include <string.h>
#include <sys/types.h>

#include "frames.h"

enum { MAX_STEPS = 4, MAX_WORDS = 256, MAX_FILES = 128 };

struct step {
    uint32_t wall_ms;
    uint32_t output_limit;
    char *argv[MAX_WORDS + 1];
};

struct job {
    struct field frame;
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

static inline int split_words(char *start, uint32_t size, char **words) {
    int count = 0;
    for (char *at = start; at < start + size; at += strlen(at) + 1) {
        if (count == MAX_WORDS) return -1;
        words[count++] = at;
    }
    words[count] = NULL;
    return count;
}

static inline int parse_step(struct field f, struct job *job) {
    if (job->step_count == MAX_STEPS || f.size < 10 || f.data[f.size - 1] != '\0') return -1;
    struct step *step = &job->steps[job->step_count++];
    step->wall_ms = get_u32(f.data);
    step->output_limit = get_u32(f.data + 4);
    return split_words(f.data + 8, f.size - 8, step->argv) > 0 ? 0 : -1;
}

static inline int parse_field(struct field f, struct job *job) {
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

static inline int parse_job(char *data, uint32_t size, struct job *job) {
    memset(job, 0, sizeof *job);
    job->frame = (struct field){'J', data, size};
    struct field f;
    while (size > 0) {
        if (next_field(&data, &size, &f) || parse_field(f, job)) return -1;
    }
    return job->uid > 0 && job->step_count > 0 ? 0 : -1;
}

#endif
