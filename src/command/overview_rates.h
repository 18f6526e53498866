// What the parts of the overview are computed with: numbers that may be missing, and rates between two
// readings.
#pragma once

#include <cstdint>
#include <optional>

#include "base/counter.h"
#include "machine/reading.h"
#include "view/overview/model.h"

namespace isotach::command {

// As many as the widest terminal's history shows, two a cell.
inline constexpr std::size_t kPastLimit = 640;
inline constexpr double kKiB = 1024;

inline view::Number number(const Value& value, double scale = 1) {
  if (value.is_missing()) return std::nullopt;
  return value.as_real() * scale;
}

inline view::Number growth(const Value& before, const Value& now) {
  if (before.is_missing() || now.is_missing()) return std::nullopt;
  const auto grown = counter_growth(before.as_unsigned(), now.as_unsigned());
  if (!grown) return std::nullopt;
  return static_cast<double>(*grown);
}

inline view::Number sum(view::Number a, view::Number b) {
  if (!a || !b) return std::nullopt;
  return *a + *b;
}

inline view::Number ratio(view::Number part, view::Number whole) {
  if (!part || !whole || *whole <= 0) return std::nullopt;
  return *part / *whole;
}

inline void remember(view::Past& past, view::Number value) {
  if (past.size() >= kPastLimit) past.erase(past.begin());
  past.push_back(value);
}

// Two readings and the time between; without an earlier one there are no rates.
class Rates {
 public:
  Rates(const machine::MachineReading* before, const machine::MachineReading& now, double elapsed_s)
      : before_(elapsed_s > 0 ? before : nullptr), now_(now), elapsed_s_(elapsed_s) {}

  [[nodiscard]] const machine::MachineReading* before() const { return before_; }
  [[nodiscard]] const machine::MachineReading& now() const { return now_; }
  [[nodiscard]] double elapsed_s() const { return elapsed_s_; }

  template <class Get>
  [[nodiscard]] view::Number operator()(Get get, double scale = 1) const {
    if (before_ == nullptr) return std::nullopt;
    const view::Number grown = growth(get(*before_), get(now_));
    if (!grown) return std::nullopt;
    return *grown * scale / elapsed_s_;
  }
  [[nodiscard]] view::Number of(std::uint64_t before, std::uint64_t now, double scale = 1) const {
    const view::Number grown = growth(Value::of(before), Value::of(now));
    if (before_ == nullptr || !grown) return std::nullopt;
    return *grown * scale / elapsed_s_;
  }

 private:
  const machine::MachineReading* before_;
  const machine::MachineReading& now_;
  double elapsed_s_;
};

}  // namespace isotach::command
