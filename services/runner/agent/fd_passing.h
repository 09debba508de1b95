/* How the agent hands a step to a fork server: one packet with descriptors, answered by one number. */
#ifndef FD_PASSING_H
#define FD_PASSING_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/types.h>

/* The server's end of the socket, which no other process ever has. */
enum { SERVER_SOCKET = 3 };

/* JOB is the whole frame in memory, at its beginning; the others are as in `struct streams`. */
enum { JOB, OUT, ERR, REPORT_TO, PASSED_COUNT };

union control {
    struct cmsghdr header;
    char space[CMSG_SPACE(PASSED_COUNT * sizeof(int))];
};

static inline int send_step(int to, uint8_t index, const int passed[PASSED_COUNT]) {
    union control control = {0};
    struct iovec body = {&index, sizeof index};
    struct msghdr message = {.msg_iov = &body,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    rights->cmsg_level = SOL_SOCKET;
    rights->cmsg_type = SCM_RIGHTS;
    rights->cmsg_len = CMSG_LEN(PASSED_COUNT * sizeof(int));
    memcpy(CMSG_DATA(rights), passed, PASSED_COUNT * sizeof(int));
    return sendmsg(to, &message, MSG_NOSIGNAL) == sizeof index ? 0 : -1;
}

/* -1 when the agent is gone. */
static inline int receive_step(int from, uint8_t *index, int passed[PASSED_COUNT]) {
    union control control = {0};
    struct iovec body = {index, sizeof *index};
    struct msghdr message = {.msg_iov = &body,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    ssize_t size;
    do size = recvmsg(from, &message, MSG_CMSG_CLOEXEC);
    while (size < 0 && errno == EINTR);
    struct cmsghdr *rights = CMSG_FIRSTHDR(&message);
    if (size != sizeof *index || !rights || rights->cmsg_len != CMSG_LEN(PASSED_COUNT * sizeof(int)))
        return -1;
    memcpy(passed, CMSG_DATA(rights), PASSED_COUNT * sizeof(int));
    return 0;
}

#endif
