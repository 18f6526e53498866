// A test program for the engine: named cases, each of which runs in a process of its own under the engine.
//
//   PROGRAM           all cases
//   PROGRAM --list    their names
//   PROGRAM NAME...   these
//
// Prints "ok NAME" or "FAILED NAME" with the conditions that did not hold, and "skip NAME: reason" where this
// machine cannot run a case. Exit code: 0, or 1 when any failed. What is printed must not depend on the run,
// so that the output of a run under the engine can be compared with a native one.
//
// EXPECT may be used in signal handlers and other threads: it only writes with write(2).
#pragma once

#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <vector>

namespace test {

struct Case {
  const char* name;
  void (*run)();
};

inline std::vector<Case>& cases() {
  static std::vector<Case> all;
  return all;
}

inline volatile int failures = 0;
inline const char* skip_reason = nullptr;

struct Register {
  Register(const char* name, void (*run)()) { cases().push_back({name, run}); }
};

inline void fail(const char* file, int line, const char* text) {
  char buffer[512];
  const char* base = strrchr(file, '/');
  int size =
      snprintf(buffer, sizeof buffer, "  %s:%d: not so: %s\n", base != nullptr ? base + 1 : file, line, text);
  failures = failures + 1;
  if (failures <= 10) (void)!write(1, buffer, static_cast<size_t>(size));
}

template <typename A, typename B>
void expect_equal(const char* file, int line, const char* text, A a, B b) {
  if (a == static_cast<A>(b)) return;
  char buffer[400];
  snprintf(buffer, sizeof buffer, "%s (%#llx and %#llx)", text, static_cast<unsigned long long>(a),
           static_cast<unsigned long long>(b));
  fail(file, line, buffer);
}

inline int main(int count, char** names) {
  setvbuf(stdout, nullptr, _IONBF, 0);
  if (count > 1 && strcmp(names[1], "--list") == 0) {
    for (const Case& one : cases()) puts(one.name);
    return 0;
  }
  int failed = 0, found = 0;
  for (const Case& one : cases()) {
    bool wanted = count < 2;
    for (int i = 1; i < count; ++i) wanted = wanted || strcmp(names[i], one.name) == 0;
    if (!wanted) continue;
    ++found;
    failures = 0;
    skip_reason = nullptr;
    one.run();
    if (skip_reason != nullptr) {
      printf("skip %s: %s\n", one.name, skip_reason);
    } else {
      printf("%s %s\n", failures == 0 ? "ok" : "FAILED", one.name);
    }
    failed += failures != 0;
  }
  return failed != 0 || found == 0 ? 1 : 0;
}

}  // namespace test

#define EXPECT(condition)                                         \
  do {                                                            \
    if (!(condition)) test::fail(__FILE__, __LINE__, #condition); \
  } while (false)
#define EXPECT_EQ(a, b) test::expect_equal(__FILE__, __LINE__, #a " == " #b, a, b)
#define SKIP(reason)            \
  do {                          \
    test::skip_reason = reason; \
    return;                     \
  } while (false)
#define CASE(name)                                    \
  static void name();                                 \
  static test::Register register_##name(#name, name); \
  static void name()
#define TEST_MAIN()                                \
  int main(int argument_count, char** arguments) { \
    return test::main(argument_count, arguments);  \
  }
