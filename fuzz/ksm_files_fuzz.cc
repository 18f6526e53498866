// What the kernel says of page merging, and the note in which isotach ksm set keeps earlier settings. The
// first byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "command/ksm/change.h"
#include "kernel/kernel_config.h"
#include "kernel/ksm_daemon.h"
#include "kernel/ksm_process.h"
#include "kernel/ksm_trace.h"

namespace {

using namespace isotach;

void trace(std::string_view text) {
  kernel::KsmTraceLog whole;
  whole.feed(text);
  kernel::KsmTraceLog pieces;
  for (std::size_t at = 0; at < text.size(); at += 7) pieces.feed(text.substr(at, 7));
  // However the text is cut.
  CHECK(whole.merged() == pieces.merged() && whole.failed() == pieces.failed());
  CHECK(whole.lost() == pieces.lost());
  CHECK(whole.first_merge_ns() == pieces.first_merge_ns() && whole.last_merge_ns() == pieces.last_merge_ns());
  CHECK(whole.scans_ended_ns() == pieces.scans_ended_ns());
  CHECK(whole.first_merge_ns().has_value() == (whole.merged() > 0));
  if (whole.first_merge_ns()) CHECK(*whole.first_merge_ns() <= *whole.last_merge_ns());
}

void process(std::string_view text) {
  kernel::KsmProcessReading reading;
  kernel::parse_ksm_stat(text, reading);
  static_cast<void>(reading.uses_ksm());
  static_cast<void>(kernel::parse_rollup_ksm_kib(text));
  static_cast<void>(kernel::parse_schedstat_wait(text));
}

void config(std::string_view text) {
  if (const auto value = kernel::config_value(text, "CONFIG_KSM"))
    CHECK(value->find('\n') == std::string::npos);
  static_cast<void>(kernel::gunzip(text));
}

void before(std::string_view text) {
  const kernel::KsmValues values = command::read_ksm_before(text, "boot");
  // What was read is written and read as the same.
  if (!values.empty())
    CHECK(command::read_ksm_before(command::write_ksm_before("boot", values), "boot") == values);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<char>(data[0])) {
    case 't':
      trace(text);
      break;
    case 'p':
      process(text);
      break;
    case 'c':
      config(text);
      break;
    case 'b':
      before(text);
      break;
    default:
      break;
  }
  return 0;
}
