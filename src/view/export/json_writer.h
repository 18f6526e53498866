// Writes JSON into a string, piece by piece. It cannot produce NaN, trailing commas or unescaped
// text; unbalanced calls are a bug of ours and checked.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/value.h"

namespace isotach::view {

class JsonWriter {
 public:
  JsonWriter& begin_object();
  JsonWriter& end_object();
  JsonWriter& begin_array();
  JsonWriter& end_array();
  JsonWriter& key(std::string_view name);
  JsonWriter& string(std::string_view value);  // invalid UTF-8 becomes U+FFFD
  JsonWriter& integer(std::int64_t value);
  JsonWriter& unsigned_integer(std::uint64_t value);
  JsonWriter& real(double value);  // shortest text that reads back equal; NaN and infinity become null
  JsonWriter& real(std::optional<double> value);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  JsonWriter& value(const Value& value);  // a missing value becomes null

  // What was written so far; complete when everything that was begun has ended.
  [[nodiscard]] const std::string& text() const { return text_; }
  // Takes the text out, so that a long document can be written as it grows.
  [[nodiscard]] std::string take();

 private:
  void separate();

  std::string text_;
  struct Level {
    char closer;
    bool empty = true;
  };
  std::vector<Level> levels_;
  bool after_key_ = false;
};

}  // namespace isotach::view
