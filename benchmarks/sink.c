/*
 * An SMSC that answers faster than any client asks, for benchmarks/session.py; nothing else should use it.
 *
 * It accepts every bind and every submit_sm. The system_id says what else it does: each letter may be followed by a
 * number. R: a receipt for every submit_sm. L: so many milliseconds until an answer leaves. One process a connection.
 *
 *     cc -O2 -o sink sink.c && ./sink          prints its port, then serves until its standard input ends
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { IN = 1 << 20, OUT = 1 << 24, HIGH = 1 << 22, CHUNKS = 1 << 16 };

static unsigned char in[IN], out[OUT];
static size_t in_end, out_begin, out_end, due_end;

/* What leaves later: up to which octet of `out`, and when. */
static struct { size_t end; long long due; } chunk[CHUNKS];
static size_t chunk_begin, chunk_end;

static int receipts;
static long long latency;
static unsigned long message;

static long long now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static unsigned get32(const unsigned char *p) { return (unsigned)p[0] << 24 | p[1] << 16 | p[2] << 8 | p[3]; }

static void put32(unsigned char *p, unsigned n) { p[0] = n >> 24; p[1] = n >> 16; p[2] = n >> 8; p[3] = n; }

static void pdu(unsigned command_id, unsigned sequence, const void *body, size_t length)
{
    unsigned char *p = out + out_end;
    put32(p, 16 + length);
    put32(p + 4, command_id);
    put32(p + 8, 0);
    put32(p + 12, sequence);
    memcpy(p + 16, body, length);
    out_end += 16 + length;
}

static const char *string(const unsigned char **p)
{
    const char *s = (const char *)*p;
    *p += strlen(s) + 1;
    return s;
}

/* source_addr and destination_addr of a submit_sm change places in its receipt. */
static void receipt(const unsigned char *body, const char *id)
{
    static unsigned sequence;
    unsigned char b[512], *at = b, source_ton, source_npi, dest_ton, dest_npi;
    string(&body);
    source_ton = *body++, source_npi = *body++;
    const char *source = string(&body);
    dest_ton = *body++, dest_npi = *body++;
    const char *destination = string(&body);
    *at++ = 0;
    *at++ = dest_ton, *at++ = dest_npi;
    at = (unsigned char *)stpcpy((char *)at, destination) + 1;
    *at++ = source_ton, *at++ = source_npi;
    at = (unsigned char *)stpcpy((char *)at, source) + 1;
    memcpy(at, "\4\0\0\0\0\0\0\0\0", 9);
    at += 9;
    int n = sprintf((char *)at + 1, "id:%s sub:001 dlvrd:001 submit date:2611210830 done date:2611210831 "
                    "stat:DELIVRD err:000 text:Your order 1057 is r", id);
    *at = n;
    at += 1 + n;
    size_t length = strlen(id) + 1;
    memcpy(at, (unsigned char[]){0x00, 0x1E, 0, length}, 4);
    memcpy(at + 4, id, length);
    at += 4 + length;
    memcpy(at, (unsigned char[]){0x04, 0x27, 0, 1, 2}, 5);
    at += 5;
    pdu(5, ++sequence & 0x7FFFFFFF, b, at - b);
}

static void serve_pdu(const unsigned char *p)
{
    unsigned command_id = get32(p + 4), sequence = get32(p + 12);
    char id[16];
    switch (command_id) {
    case 4:
        snprintf(id, sizeof id, "%010lu", ++message);
        pdu(0x80000004, sequence, id, strlen(id) + 1);
        if (receipts)
            receipt(p + 16, id);
        break;
    case 1: case 2: case 9:
        for (const char *s = (const char *)p + 16; *s; s++) {
            if (*s == 'R') receipts = 1;
            if (*s == 'L') latency = atoll(s + 1) * 1000000;
        }
        /* fall through */
    case 6: case 0x15:
        pdu(command_id | 0x80000000, sequence, "sink", command_id == 0x15 || command_id == 6 ? 0 : 5);
    }
}

static void serve_input(void)
{
    size_t at = 0;
    while (at + 16 <= in_end && at + get32(in + at) <= in_end) {
        serve_pdu(in + at);
        at += get32(in + at);
    }
    memmove(in, in + at, in_end -= at);
    if (latency && (chunk_begin == chunk_end || chunk[chunk_end - 1].end != out_end)) {
        if (chunk_end == CHUNKS) {
            memmove(chunk, chunk + chunk_begin, (chunk_end - chunk_begin) * sizeof *chunk);
            chunk_end -= chunk_begin;
            chunk_begin = 0;
        }
        chunk[chunk_end].end = out_end;
        chunk[chunk_end++].due = now() + latency;
    }
}

/* How many octets may leave now. */
static size_t ready(void)
{
    if (!latency)
        return out_end - out_begin;
    for (long long t = now(); chunk_begin < chunk_end && chunk[chunk_begin].due <= t; chunk_begin++)
        due_end = chunk[chunk_begin].end;
    return due_end > out_begin ? due_end - out_begin : 0;
}

static void serve(int fd)
{
    fcntl(fd, F_SETFL, O_NONBLOCK);
    for (;;) {
        size_t n = ready();
        while (n) {
            ssize_t written = write(fd, out + out_begin, n);
            if (written < 0 && errno != EAGAIN)
                return;
            if (written <= 0)
                break;
            out_begin += written;
            n -= written;
        }
        if (out_begin == out_end && chunk_begin == chunk_end)
            out_begin = out_end = due_end = chunk_begin = chunk_end = 0;
        struct pollfd p = {fd, (out_end - out_begin < HIGH && out_end < OUT - HIGH ? POLLIN : 0) | (n ? POLLOUT : 0), 0};
        struct timespec wait = {1, 0};
        if (!n && chunk_begin < chunk_end) {
            long long left = chunk[chunk_begin].due - now();
            wait = (struct timespec){0, left > 0 ? left : 0};
        }
        if (ppoll(&p, 1, &wait, NULL) < 0)
            return;
        if (p.revents & (POLLIN | POLLHUP | POLLERR)) {
            ssize_t got = read(fd, in + in_end, IN - in_end);
            if (got == 0 || (got < 0 && errno != EAGAIN))
                return;
            if (got > 0) {
                in_end += got;
                serve_input();
            }
        }
    }
}

int main(void)
{
    int one = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof a;
    signal(SIGCHLD, SIG_IGN);
    signal(SIGPIPE, SIG_IGN);
    if (bind(listener, (struct sockaddr *)&a, length) || listen(listener, 16) ||
        getsockname(listener, (struct sockaddr *)&a, &length))
        return 1;
    printf("%d\n", ntohs(a.sin_port));
    fflush(stdout);
    for (;;) {
        struct pollfd p[2] = {{listener, POLLIN, 0}, {0, POLLIN, 0}};
        if (poll(p, 2, -1) < 0 && errno != EINTR)
            return 1;
        if (p[1].revents)
            return 0;
        if (!(p[0].revents & POLLIN))
            continue;
        int fd = accept(listener, NULL, NULL);
        if (fd >= 0 && fork() == 0) {
            setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
            serve(fd);
            _exit(0);
        }
        close(fd);
    }
}
