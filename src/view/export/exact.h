// A raw value in base units as text, without losing digits that a double cannot hold: counters of
// bytes pass 2^53 on real machines.
#pragma once

#include <optional>
#include <string>

#include "base/value.h"

namespace isotach::view {

// value * scale. Exact when the value is whole and `scale` or 1/`scale` is a whole number: then the
// product is computed in 128 bits and a fraction in decimal. Otherwise the shortest text that reads
// back as the same double. Nothing when the value is missing or not finite.
[[nodiscard]] std::optional<std::string> exact_text(const Value& value, double scale = 1);

}  // namespace isotach::view
