// The lab's experiments in C++, as labs/memory/experiment.py has them in Python: a vector that grows, and
// one that has its size from the start. They run in a process of their own.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace isotach::memory {

struct LabProgram {
  std::uint64_t size = 0;                        // strings in each vector
  std::function<void()> wait;                    // after each string
  std::function<void()> pause;                   // so that what remains can be seen
  std::function<void(const std::string&)> mark;  // "begin do_append"
};

// Experiment 1 to 6; another number does nothing.
void run_lab_experiment(int number, const LabProgram& program);

}  // namespace isotach::memory
