// The head of a swap area, fstab, and the files of control groups. The first byte chooses the parser.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "kernel/memory_groups.h"
#include "kernel/swap_area.h"
#include "memory/swap/fstab.h"
#include "memory/swap/user_reader.h"

namespace {

using namespace isotach;

void header(std::string_view start) {
  kernel::SwapHeader header;
  if (kernel::parse_swap_header(start, header) != kernel::SwapSignature::swap) return;
  CHECK(header.label.size() <= 16);
  if (header.label.size() > kernel::kSwapLabelLimit) return;  // of another's making, without its zero
  kernel::SwapHeader again;
  CHECK(kernel::parse_swap_header(kernel::write_swap_header(header), again) == kernel::SwapSignature::swap);
  CHECK(again == header);
}

void fstab(std::string_view text) {
  // The path is the first line, so that the lines below may be about it.
  const std::size_t end = text.find('\n');
  const std::string path(text.substr(0, end));
  const std::string_view table = end == std::string_view::npos ? "" : text.substr(end + 1);
  CHECK(memory::unescape_fstab(memory::escape_fstab(path)) == path);
  if (path.empty()) return;
  static_cast<void>(memory::parse_fstab_swaps(table));
  const std::string with = memory::with_fstab_swap(table, path, 10);
  CHECK(memory::with_fstab_swap(with, path, 10) == with);
  const std::string without = memory::without_fstab_swap(with, path);
  CHECK(memory::without_fstab_swap(without, path) == without);
  if (without == table) CHECK(with.starts_with(without.substr(0, without.find_last_not_of('\n') + 1)));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  switch (static_cast<char>(data[0])) {
    case 'h':
      header(text);
      break;
    case 'f':
      fstab(text);
      break;
    case 'g':
      static_cast<void>(kernel::group_statistic(text, "swap"));
      static_cast<void>(kernel::parse_group_limit(text));
      break;
    case 's':
      static_cast<void>(memory::parse_swap_status(text));
      break;
    default:
      break;
  }
  return 0;
}
