// A library with variables of its own for each thread, as tools have them, for lent_thread_test.
#include <atomic>
#include <string>

namespace {

std::atomic<int> destroyed{0};

struct Counted {
  std::string text = "new";
  ~Counted() { destroyed++; }
};

thread_local int number = 42;
thread_local int zero;
thread_local Counted counted;

}  // namespace

// Returns whether all variables are as at the start of a thread, and changes them.
extern "C" bool lent_tool_begin() {
  const bool fresh = number == 42 && zero == 0 && counted.text == "new";
  number = 1;
  zero = 2;
  counted.text = "a text that is too long to be kept within the string itself";
  return fresh;
}

extern "C" int lent_tool_destroyed() {
  return destroyed.load();
}
