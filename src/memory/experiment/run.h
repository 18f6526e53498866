// What was seen of a program's memory from its start to its end: the input of every judgement here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "memory/experiment/program_facts.h"

namespace isotach::memory {

// One moment. A value that could not be read is missing; it is never 0.
struct MemorySample {
  std::int64_t time_ns = 0;  // CLOCK_MONOTONIC
  std::optional<double> resident_bytes;
  std::optional<double> anonymous_bytes;  // resident, and belonging to no file
  std::optional<double> swap_bytes;
  std::optional<double> heap_bytes;  // what brk() has taken
  std::optional<double> proportional_bytes;
  std::optional<double> lazy_free_bytes;  // given back by MADV_FREE, not yet taken by the kernel
  std::optional<double> minor_faults;     // a counter
  std::optional<double> cpu_wait_ns;      // a counter: could have run, and had no CPU
};

struct MemoryRun {
  std::vector<MemorySample> samples;
  std::vector<ProgramMark> marks;    // in order of time
  std::vector<ProgramFacts> facts;   // as they came
  std::optional<double> peak_bytes;  // of RSS, as the kernel kept it, also between samples
  // When the program became the one that it stayed: a shell script that ends in exec, or a chooser of
  // versions, was another one before.
  std::optional<std::int64_t> program_ns;
  double page_bytes = 4096;
  bool asked_python = false;  // the program was asked for facts, whether or not it answered
};

}  // namespace isotach::memory
