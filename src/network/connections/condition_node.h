// The parts of a condition, and what each name in it stands for.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "network/connections/condition.h"
#include "network/connections/fields.h"

namespace isotach::network {

enum class ConditionSide : std::uint8_t { none, a, b, either, both };

enum class ConditionOp : std::uint8_t {
  either_of,  // or
  both_of,    // and
  negation,
  less,
  less_equal,
  greater,
  greater_equal,
  equal,
  unequal,
  contains,
  add,
  subtract,
  multiply,
  divide,
  number,
  text,
  field,  // of fields.h, or a special one
};

// Names that are no field of a direction.
enum class SpecialField : std::uint8_t {
  none,
  number,
  duration,
  packets,
  bytes,
  retransmits,
  handshake,
  rtt,
  port,
  host,
  name,
  state,
  limit,
};

struct ConditionNode {
  ConditionOp op = ConditionOp::number;
  ConditionSide side = ConditionSide::none;  // of a field
  SpecialField special = SpecialField::none;
  const DirectionField* field = nullptr;
  bool has_time = false;  // a number with a unit of time, in seconds
  bool is_text = false;
  double number = 0;
  std::string text;
  std::size_t left = 0;
  std::size_t right = 0;
};

struct NamedField {
  SpecialField special = SpecialField::none;
  const DirectionField* field = nullptr;
  bool is_text = false;
  bool has_sides = false;
};
// Nothing for a name that there is not.
[[nodiscard]] std::optional<NamedField> find_condition_name(std::string_view name);

// All texts that the field can be; empty where that may be any.
[[nodiscard]] const std::vector<std::string>& condition_values(SpecialField special);

// The value of a field for one side; times in seconds where `in_seconds`.
[[nodiscard]] FieldValue condition_value(const ConditionNode& node, const ConditionSubject& subject, int side,
                                         bool in_seconds);

}  // namespace isotach::network
