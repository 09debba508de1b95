/* Frames and fields: one byte of type, four of size (big-endian), then the content. */
#ifndef FRAMES_H
#define FRAMES_H

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { MAX_FRAME = 64 << 20, HEADER = 5 };

struct field {
    char type;
    char *data;
    uint32_t size;
};

static inline void die(const char *what) {
    fprintf(stderr, "runlet-agent: %s: %s\n", what, strerror(errno));
    exit(70);
}

static inline uint32_t get_u32(const char *at) {
    const unsigned char *b = (const unsigned char *)at;
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static inline char *put_u32(char *at, uint32_t value) {
    for (int shift = 24; shift >= 0; shift -= 8) *at++ = (char)(value >> shift);
    return at;
}

static inline char *put_u64(char *at, uint64_t value) {
    return put_u32(put_u32(at, (uint32_t)(value >> 32)), (uint32_t)value);
}

static inline int write_all(int fd, const char *data, size_t size) {
    while (size > 0) {
        ssize_t written = write(fd, data, size);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return -1;
        data += written;
        size -= (size_t)written;
    }
    return 0;
}

/* 0 on success, -1 when the other side is gone before `size` bytes came. */
static inline int read_all(int fd, char *data, size_t size) {
    while (size > 0) {
        ssize_t got = read(fd, data, size);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) return -1;
        data += got;
        size -= (size_t)got;
    }
    return 0;
}

/*
 * What is to be sent collects here until somebody waits: each write costs the engine, which carries
 * it on, more than the bytes in it.
 */
static char outgoing[1 << 17];
static uint32_t outgoing_size;

/* Without a reader there is no runner to work for. */
static inline void flush_frames(void) {
    if (write_all(1, outgoing, outgoing_size)) exit(0);
    outgoing_size = 0;
}

/* `size` is at most half of what can collect. */
static inline void send_frame(char type, const char *data, uint32_t size) {
    if (outgoing_size + HEADER + size > sizeof outgoing) flush_frames();
    char *at = outgoing + outgoing_size;
    *at = type;
    put_u32(at + 1, size);
    if (size) memcpy(at + HEADER, data, size);
    outgoing_size += HEADER + size;
}

/* The content in memory that the caller frees; NULL when the other side is gone. */
static inline char *receive_frame(char *type, uint32_t *size) {
    char header[HEADER];
    flush_frames();
    if (read_all(0, header, HEADER)) return NULL;
    *type = header[0];
    *size = get_u32(header + 1);
    if (*size > MAX_FRAME) die("frame too large");
    char *data = malloc(*size + 1);
    if (!data) die("malloc");
    if (read_all(0, data, *size)) {
        free(data);
        return NULL;
    }
    return data;
}

/* Takes the next field off [*data, *data + *size); -1 when it does not fit. */
static inline int next_field(char **data, uint32_t *size, struct field *f) {
    if (*size < HEADER) return -1;
    f->type = **data;
    f->size = get_u32(*data + 1);
    if (f->size > *size - HEADER) return -1;
    f->data = *data + HEADER;
    *data += HEADER + f->size;
    *size -= HEADER + f->size;
    return 0;
}

#endif
