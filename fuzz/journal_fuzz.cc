// Journals of changes: ours, but from a disk that may have lost half of them; and the files that say where
// control groups are.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "kernel/change/journal.h"
#include "kernel/memory_hierarchy.h"

namespace {

using namespace isotach;

void journal(std::string_view text) {
  const auto content = kernel::parse_journal(text);
  if (!content) return;
  for (const kernel::UndoStep& step : content->steps) {
    CHECK(!step.fields.empty() && step.fields[0].starts_with('/'));
    CHECK(kernel::describe(step).find('\n') == std::string_view::npos);
    const auto again = kernel::read_step(kernel::write_step(step));
    CHECK(again && *again == step);
  }
}

void groups(std::string_view text) {
  static_cast<void>(kernel::parse_memory_hierarchy(text, "cpu memory"));
  for (const int version : {1, 2})
    if (const auto group = kernel::parse_memory_group(text, version)) CHECK(group->starts_with('/'));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  if (data[0] % 2 == 0) {
    journal(text);
  } else {
    groups(text);
  }
  return 0;
}
