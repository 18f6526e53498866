// LD_PRELOAD library for benchmarks: waiting takes no time. What vmstat (sleep) and isotach (ppoll)
// do between two samples returns at once; everything else stays as it is. time() goes on by what was
// not slept: procps reads its files only when a second has passed since the last time.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <time.h>

static time_t not_slept;

unsigned int sleep(unsigned int seconds) {
  not_slept += (time_t)seconds;
  return 0;
}

time_t time(time_t* result) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  const time_t seconds = now.tv_sec + not_slept;
  if (result != NULL) *result = seconds;
  return seconds;
}

int nanosleep(const struct timespec* wanted, struct timespec* left) {
  (void)wanted;
  (void)left;
  return 0;
}

int clock_nanosleep(clockid_t clock, int flags, const struct timespec* wanted, struct timespec* left) {
  (void)clock;
  (void)flags;
  (void)wanted;
  (void)left;
  return 0;
}

// The system call is made all the same: it is a part of the program's cost.
int ppoll(struct pollfd* polled, nfds_t count, const struct timespec* timeout, const sigset_t* mask) {
  static int (*real)(struct pollfd*, nfds_t, const struct timespec*, const sigset_t*);
  if (real == NULL) *(void**)&real = dlsym(RTLD_NEXT, "ppoll");
  static const struct timespec at_once = {0, 0};
  return real(polled, count, timeout != NULL ? &at_once : NULL, mask);
}
