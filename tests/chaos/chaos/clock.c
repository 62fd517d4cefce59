/* A wall clock that is wrong by what a file says, for a process that is started with LD_PRELOAD=this.

   The file holds seconds as eight octets in the machine's own order, and is mapped: a step is seen at once, at the price
   of a read from memory. All other clocks are true, so timers and timeouts go on as they are. (libfaketime does the same,
   but takes a lock at each call, under which an event loop beside busy threads all but stands still.) */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>

static volatile const int64_t *offset;
static int (*true_clock)(clockid_t, struct timespec *);

/* Not in a constructor alone: those of other libraries may ask for the time before ours has run. */
__attribute__((constructor)) static void begin(void) {
    if (true_clock) return;
    true_clock = (int (*)(clockid_t, struct timespec *))dlsym(RTLD_NEXT, "clock_gettime");
    const char *path = getenv("CHAOS_CLOCK");
    int file = path ? open(path, O_RDONLY) : -1;
    if (file < 0) return;
    void *mapped = mmap(NULL, sizeof *offset, PROT_READ, MAP_SHARED, file, 0);
    if (mapped != MAP_FAILED) offset = mapped;
}

int clock_gettime(clockid_t which, struct timespec *now) {
    if (!true_clock) begin();
    int failed = true_clock(which, now);
    if (!failed && offset && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) now->tv_sec += *offset;
    return failed;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}

time_t time(time_t *told) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (told) *told = now.tv_sec;
    return now.tv_sec;
}
