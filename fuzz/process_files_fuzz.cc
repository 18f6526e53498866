// The kernel's text files of a process. The first byte chooses the parser.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "kernel/key_value.h"
#include "kernel/mappings.h"
#include "kernel/process.h"
#include "kernel/task_activity.h"

namespace {

using namespace isotach;

void stat(std::string_view text) {
  kernel::ProcessReading reading;
  if (!kernel::parse_process_stat(text, 100, reading)) return;
  CHECK(text.find('(' + reading.command + ')') != std::string_view::npos);
  static_cast<void>(reading.has_ended());
}

std::uint64_t heap_in(std::string_view text, std::size_t piece_size) {
  kernel::HeapScanner scanner;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, piece_size);
    if (!scanner.scan(piece)) break;
    text.remove_prefix(piece.size());
  }
  return scanner.heap_bytes();
}

void key_values(std::string_view text) {
  static constexpr std::string_view kKeys[] = {"VmHWM", "RssAnon", "VmSwap", "Pss", "Private_Dirty"};
  kernel::KeyValueParser parser(kKeys);
  std::array<Value, 5> values;
  parser.parse(text, values);
}

std::vector<kernel::Mapping> mappings_in(std::string_view text, std::size_t piece_size) {
  kernel::MappingParser parser;
  while (!text.empty()) {
    const std::string_view piece = text.substr(0, piece_size);
    parser.feed(piece);
    text.remove_prefix(piece.size());
  }
  return parser.take();
}

void mappings(std::string_view text) {
  const auto whole = mappings_in(text, 4096);
  const auto cut = mappings_in(text, 13);
  // However the text is cut.
  CHECK(whole.size() == cut.size());
  for (std::size_t i = 0; i < whole.size(); ++i) {
    CHECK(whole[i].start < whole[i].end);
    CHECK(whole[i].flags == cut[i].flags && whole[i].name == cut[i].name);
    CHECK(whole[i].values == cut[i].values);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  kernel::ProcessReading reading;
  switch (static_cast<char>(data[0])) {
    case 's':
      stat(text);
      break;
    case 'm':
      kernel::parse_process_statm(text, reading);
      kernel::parse_process_schedstat(text, reading);
      break;
    case 'h':
      // However the text is cut.
      CHECK(heap_in(text, 4096) == heap_in(text, 13));
      break;
    case 'p':
      mappings(text);
      break;
    case 'k':
      key_values(text);
      break;
    case 'c':
      if (const auto call = kernel::parse_syscall_line(text)) CHECK(call->number >= 0);
      break;
    default:
      break;
  }
  return 0;
}
