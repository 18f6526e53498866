#include "kernel/uptime.h"

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

Value take_real(std::string_view& text) {
  const auto number = parse_real(trim(take_word(text)));
  return number ? Value::of_real(*number) : Value(Missing::malformed);
}

}  // namespace

UptimeReader::UptimeReader(const SystemRoot& root)
    : uptime_(root, "proc/uptime"), load_(root, "proc/loadavg") {}

void UptimeReader::read(UptimeReading& reading) {
  if (auto text = uptime_.read()) {
    reading.uptime_s = take_real(*text);
  } else {
    reading.uptime_s = missing_reason(text.error());
  }
  auto text = load_.read();
  for (Value* load : {&reading.load_1_minute, &reading.load_5_minutes, &reading.load_15_minutes})
    *load = text ? take_real(*text) : Value(missing_reason(text.error()));
}

}  // namespace isotach::kernel
