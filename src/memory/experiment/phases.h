// The parts of an experiment, from the marks "begin NAME" and "end NAME", and what each did to memory. Pure.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "memory/experiment/curve.h"
#include "memory/experiment/run.h"

namespace isotach::memory {

enum class Fate {
  unknown,        // nothing was seen after it
  nothing,        // it took nothing worth naming
  freed_at_once,  // what it took was back within kAtOnceNs of its end
  freed,          // later
  partly,
  kept,
  gave_back,  // memory fell during the phase itself
};
[[nodiscard]] std::string_view fate_text(Fate fate);

struct Phase {
  std::string name;
  std::int64_t from_ns = 0;
  std::int64_t to_ns = 0;
  double before_bytes = 0;  // level at its begin
  double peak_bytes = 0;
  double after_bytes = 0;  // level before the next phase begins, or at the end
  Fate fate = Fate::unknown;
  std::optional<std::int64_t> freed_after_ns;  // when four fifths of it were back, from its end
};

inline constexpr std::size_t kPhaseLimit = 64;
// In order of time. A phase that begins in another one, or does not end, is left out.
[[nodiscard]] std::vector<Phase> phases_of(const MemoryRun& run);

}  // namespace isotach::memory
