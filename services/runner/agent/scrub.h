/* Removing all that a run wrote, as the run's own user, however it is nested or protected. */
#ifndef SCRUB_H
#define SCRUB_H

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "frames.h"

static const char *const WRITABLE[] = {"/tmp", "/dev/shm"};
enum { WRITABLE_COUNT = 2 };

static inline int is_dots(const char *name) {
    return !strcmp(name, ".") || !strcmp(name, "..");
}

/* Empties a folder. Its sub-folders move up to `top`, so that no depth needs a deep walk. */
static inline void flatten(int top, int folder, unsigned long *serial) {
    DIR *entries = fdopendir(folder);
    if (!entries) return;
    struct dirent *entry;
    while ((entry = readdir(entries))) {
        if (is_dots(entry->d_name) || !unlinkat(folder, entry->d_name, 0)) continue;
        char name[32];
        snprintf(name, sizeof name, ".scrub-%lu", (*serial)++);
        fchmodat(folder, entry->d_name, 0700, 0);
        renameat(folder, entry->d_name, top, name);
    }
    closedir(entries);
}

/* One pass over the top level; gives the number of entries it removed there. */
static inline int sweep(int top, unsigned long *serial) {
    int removed = 0;
    DIR *entries = fdopendir(openat(top, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!entries) return 0;
    struct dirent *entry;
    while ((entry = readdir(entries))) {
        if (is_dots(entry->d_name)) continue;
        if (!unlinkat(top, entry->d_name, 0)) {
            removed++;
            continue;
        }
        fchmodat(top, entry->d_name, 0700, 0);
        int folder = openat(top, entry->d_name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
        if (folder >= 0) flatten(top, folder, serial);
        removed += !unlinkat(top, entry->d_name, AT_REMOVEDIR);
    }
    closedir(entries);
    return removed;
}

static inline void empty(const char *path) {
    int top = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (top < 0) return;
    unsigned long serial = 0;
    while (sweep(top, &serial) > 0) continue;
    close(top);
}

static inline int is_empty(const char *path) {
    DIR *entries = opendir(path);
    if (!entries) return 0;
    int found = 0;
    for (struct dirent *entry; (entry = readdir(entries));) found += !is_dots(entry->d_name);
    closedir(entries);
    return !found;
}

/* A closed connection waits for minutes in the network namespace, where the next run could see it. */
static inline int tables_are_empty(void) {
    static const char *const tables[] = {"/proc/net/tcp", "/proc/net/tcp6"};
    for (int i = 0; i < 2; i++) {
        FILE *table = fopen(tables[i], "re");
        if (!table) continue;
        int lines = 0;
        for (int c; (c = getc(table)) != EOF && lines < 2;) lines += c == '\n';
        fclose(table);
        if (lines > 1) return 0;
    }
    return 1;
}

/* 1 when the kernel counts none of its TCP sockets, waiting ones included; 0 when unsure. */
static inline int counts_no_sockets(const char *path, const char *format) {
    FILE *counters = fopen(path, "re");
    if (!counters) return 0;
    char line[256];
    int used = -1, waiting = 0;
    while (used < 0 && fgets(line, sizeof line, counters))
        if (sscanf(line, format, &used, &waiting) < 1) used = -1;
    fclose(counters);
    return used == 0 && waiting == 0;
}

/*
 * The counters come first because a look into the tables walks through all connections of the host,
 * which takes milliseconds. Older kernels count waiting ones of the whole host: then the tables decide.
 */
static inline int has_no_sockets(void) {
    return (counts_no_sockets("/proc/net/sockstat", "TCP: inuse %d orphan %*d tw %d") &&
            counts_no_sockets("/proc/net/sockstat6", "TCP6: inuse %d")) ||
           tables_are_empty();
}

/* 1 when nothing is left in any writable place. */
static inline int scrub(uid_t uid) {
    pid_t janitor = fork();
    if (janitor < 0) return 0;
    if (janitor == 0) {
        if (setresgid(uid, uid, uid) || setresuid(uid, uid, uid)) _exit(1);
        for (int i = 0; i < WRITABLE_COUNT; i++) empty(WRITABLE[i]);
        _exit(0);
    }
    int status;
    if (waitpid(janitor, &status, 0) != janitor || status != 0) return 0;
    for (int i = 0; i < WRITABLE_COUNT; i++)
        if (!is_empty(WRITABLE[i])) return 0;
    return has_no_sockets();
}

#endif
