// Reads JSON that others wrote: strict (RFC 8259), bounded in depth and in the number of values, exact for
// 64-bit integers. What is asked for with the wrong type is absent, so that a caller cannot confuse types.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach {

struct JsonLimits {
  std::size_t depth = 32;
  std::size_t values = 16384;
};

class JsonValue {
 public:
  enum class Type : std::uint8_t { null, boolean, integer, real, string, array, object };

  [[nodiscard]] Type type() const { return type_; }
  [[nodiscard]] std::optional<bool> boolean() const;
  // A whole number in the range of the type; 3.0 is one too.
  [[nodiscard]] std::optional<std::int64_t> integer() const;
  // A whole number from 0 on, beyond the range of integer() too.
  [[nodiscard]] std::optional<std::uint64_t> unsigned_integer() const;
  [[nodiscard]] std::optional<double> real() const;  // any number
  [[nodiscard]] const std::string* string() const { return type_ == Type::string ? &text_ : nullptr; }
  // The elements of an array; none for anything else.
  [[nodiscard]] const std::vector<JsonValue>& elements() const;
  // The member of an object: the last, where a name stands twice. nullptr: none of that name, or no object.
  [[nodiscard]] const JsonValue* find(std::string_view name) const;

 private:
  friend class JsonParser;

  Type type_ = Type::null;
  bool boolean_ = false;
  std::int64_t integer_ = 0;
  std::optional<std::uint64_t> large_;  // what exceeds integer_
  double real_ = 0;
  std::string text_;
  std::vector<std::string> names_;  // of an object, as many as values_
  std::vector<JsonValue> values_;
};

// The whole of `text` as one value. The error says at which byte it stops to be JSON.
[[nodiscard]] Result<JsonValue> parse_json(std::string_view text, const JsonLimits& limits = {});

// `text` as a JSON string with its quotes; bytes that are no UTF-8 become U+FFFD.
[[nodiscard]] std::string json_quoted(std::string_view text);

}  // namespace isotach
