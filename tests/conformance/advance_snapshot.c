/* Preloaded into a foreign vmstat by record_golden.sh: every sleep puts the next snapshot into place
   instead of waiting, and the clock moves on, so that a library which reads /proc at most once a second
   reads it again.

   SNAPSHOTS names the sequence (SNAPSHOTS/K/proc/FILE), LIVE the folder whose files are bound over
   /proc. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static const char *const kFiles[] = {"meminfo", "stat",      "vmstat",   "uptime",
                                     "loadavg", "diskstats", "slabinfo", "swaps"};
static time_t now = 1700000000;
static int snapshot = 0;

static void copy(const char *from, const char *to) {
  char buffer[65536];
  ssize_t size;
  int in = open(from, O_RDONLY), out;
  if (in < 0) return;
  out = open(to, O_WRONLY | O_TRUNC);
  if (out < 0) { /* a file that is not bound over /proc */
    close(in);
    return;
  }
  while ((size = read(in, buffer, sizeof buffer)) > 0)
    if (write(out, buffer, (size_t)size) != size) abort();
  close(in);
  close(out);
}

unsigned int sleep(unsigned int seconds) {
  char from[4096], to[4096];
  size_t i;
  ++snapshot;
  now += (time_t)seconds + 1;
  for (i = 0; i < sizeof kFiles / sizeof kFiles[0]; ++i) {
    snprintf(from, sizeof from, "%s/%d/proc/%s", getenv("SNAPSHOTS"), snapshot, kFiles[i]);
    snprintf(to, sizeof to, "%s/%s", getenv("LIVE"), kFiles[i]);
    copy(from, to);
  }
  return 0;
}

time_t time(time_t *result) {
  if (result) *result = now;
  return now;
}
