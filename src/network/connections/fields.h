// The statistics of a direction and of a connection, each described once: its name in JSON and CSV, what
// it means, and how it follows from what was counted.
//
// What tcptrace prints too has its name and unit (ms, Bps), blanks and slashes written as "_", so that
// scripts find it; what it means where tcptrace is wrong is in docs/tcptrace.md. For connections accounted
// by Rules::exact.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <variant>

#include "network/connections/connection.h"

namespace isotach::network {

// Nothing where there is no value: no sample, no option seen.
using FieldValue = std::variant<std::monostate, std::uint64_t, double, std::string>;

enum class FieldGroup : std::uint8_t { packets, data, loss, options, window, outstanding, stream, rtt, acks };

struct DirectionField {
  const char* name;   // "unique_bytes_sent"
  const char* unit;   // "bytes", "ms", "" for a plain count
  const char* label;  // for people: "data, each byte once"
  FieldGroup group;
  FieldValue (*value)(const Connection& connection, const Direction& direction);
};

[[nodiscard]] std::span<const DirectionField> direction_fields();
[[nodiscard]] const char* field_group_name(FieldGroup group);

// "complete", "reset", "incomplete"
[[nodiscard]] const char* connection_state_name(ConnectionState state);

}  // namespace isotach::network
