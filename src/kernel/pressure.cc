#include "kernel/pressure.h"

#include <string>

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {

void parse_pressure(std::string_view text, PressureReading& reading) {
  reading = {};
  while (auto line = take_line(text)) {
    const std::string_view kind = take_word(*line);
    PressureLine* target = kind == "some" ? &reading.some : kind == "full" ? &reading.full : nullptr;
    if (target == nullptr) continue;
    for (std::string_view word = take_word(*line); !word.empty(); word = take_word(*line)) {
      const std::size_t equals = word.find('=');
      if (equals == std::string_view::npos) continue;
      const std::string_view key = word.substr(0, equals);
      const std::string_view number = word.substr(equals + 1);
      if (key == "total") {
        const auto total = parse_unsigned(number);
        target->total_us = total ? Value::of(*total) : Value(Missing::malformed);
        continue;
      }
      const auto average = parse_real(number);
      const Value value = average ? Value::of_real(*average) : Value(Missing::malformed);
      if (key == "avg10") target->avg10_percent = value;
      if (key == "avg60") target->avg60_percent = value;
      if (key == "avg300") target->avg300_percent = value;
    }
  }
}

PressureReader::PressureReader(const SystemRoot& root, std::string_view resource)
    : file_(root, "proc/pressure/" + std::string(resource)) {}

void PressureReader::read(PressureReading& reading) {
  const auto text = file_.read();
  if (!text) {
    const Value missing = missing_reason(text.error());
    const PressureLine line = {missing, missing, missing, missing};
    reading = {line, line};
    return;
  }
  parse_pressure(*text, reading);
}

}  // namespace isotach::kernel
