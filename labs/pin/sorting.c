// Sorts 60,000 numbers: a program whose accesses make a picture.
#include <stdio.h>
#include <stdlib.h>

static int compare(const void* a, const void* b) {
  const unsigned x = *(const unsigned*)a, y = *(const unsigned*)b;
  return x < y ? -1 : x > y;
}

int main(void) {
  enum { kCount = 60000 };
  unsigned* const values = malloc(kCount * sizeof *values);
  unsigned value = 1;
  for (int i = 0; i < kCount; ++i) {
    value = value * 1664525u + 1013904223u;
    values[i] = value;
  }
  qsort(values, kCount, sizeof *values, compare);
  unsigned long sum = 0;
  for (int i = 0; i < kCount; ++i) sum += values[i];
  printf("%lu\n", sum);
  return 0;
}
