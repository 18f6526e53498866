#include "kernel/ksm_process.h"

#include <unistd.h>

#include <charconv>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/kept_file.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kTextLimitBytes = 65536;

Value signed_number(std::string_view text) {
  if (const auto number = parse_unsigned(text)) return Value::of(*number);
  std::int64_t negative = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, negative);
  if (text.empty() || error != std::errc{} || stopped != end) return Missing::malformed;
  return Value::of_signed(negative);
}

Value yes_or_no(std::string_view text) {
  if (text == "yes") return Value::of(1);
  return text == "no" ? Value::of(0) : Value(Missing::malformed);
}

Missing process_missing(const Error& error) {
  // The files of a process that has ended are gone, or say that there is no such process.
  return error.kind == ErrorKind::not_permitted ? Missing::not_permitted : missing_reason(error);
}

void set_all(KsmProcessReading& reading, Missing reason) {
  reading.rmap_items = reading.zero_pages = reading.merging_pages = reason;
  reading.profit_bytes = reading.merge_any = reading.mergeable = reason;
}

}  // namespace

bool KsmProcessReading::uses_ksm() const {
  return merging_pages.as_unsigned() > 0 || rmap_items.as_unsigned() > 0 || zero_pages.as_unsigned() > 0 ||
         merge_any.as_unsigned() > 0 || mergeable.as_unsigned() > 0;
}

void parse_ksm_stat(std::string_view text, KsmProcessReading& reading) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_blanks(line);
    if (words.size() != 2) continue;
    const std::string_view key = words[0].ends_with(':') ? words[0].substr(0, words[0].size() - 1) : words[0];
    if (key == "ksm_rmap_items") reading.rmap_items = signed_number(words[1]);
    if (key == "ksm_zero_pages") reading.zero_pages = signed_number(words[1]);
    if (key == "ksm_merging_pages") reading.merging_pages = signed_number(words[1]);
    if (key == "ksm_process_profit") {
      const Value profit = signed_number(words[1]);
      reading.profit_bytes = profit.type() == Value::Type::unsigned_integer
                                 ? Value::of_signed(static_cast<std::int64_t>(profit.as_unsigned()))
                                 : profit;
    }
    if (key == "ksm_merge_any") reading.merge_any = yes_or_no(words[1]);
    if (key == "ksm_mergeable") reading.mergeable = yes_or_no(words[1]);
  }
}

Value parse_rollup_ksm_kib(std::string_view text) {
  for (const std::string_view line : split(text, '\n')) {
    const auto words = split_blanks(line);
    if (words.size() != 3 || words[0] != "KSM:" || words[2] != "kB") continue;
    const auto kib = parse_unsigned(words[1]);
    return kib ? Value::of(*kib) : Value(Missing::malformed);
  }
  return Missing::not_supported;
}

KsmProcessReading read_ksm_process(const SystemRoot& root, unsigned pid) {
  const std::string folder = root.path("proc/" + std::to_string(pid)) + '/';
  KsmProcessReading reading;
  const auto stat = read_file(folder + "ksm_stat", kTextLimitBytes);
  if (stat) {
    parse_ksm_stat(*stat, reading);
  } else {
    set_all(reading, process_missing(stat.error()));
  }
  if (!reading.merging_pages.is_missing()) return reading;
  if (const auto pages = read_file(folder + "ksm_merging_pages", kTextLimitBytes)) {
    reading.merging_pages = signed_number(trim(*pages));
    return reading;
  }
  // Dearer: the kernel walks the page tables for it.
  const auto rollup = read_file(folder + "smaps_rollup", kTextLimitBytes);
  if (!rollup) return reading;
  const Value kib = parse_rollup_ksm_kib(*rollup);
  const auto page_kib = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  if (!kib.is_missing()) reading.merging_pages = Value::of(kib.as_unsigned() / page_kib);
  return reading;
}

}  // namespace isotach::kernel
