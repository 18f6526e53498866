#include "kernel/swap_devices.h"

#include <charconv>

#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

// mangle_path() writes blank, tab, newline and backslash as \040, \011, \012 and \134.
std::string undo_octal_escapes(std::string_view text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto octal = [&](std::size_t at) { return text[at] >= '0' && text[at] <= '7'; };
    if (text[i] == '\\' && i + 3 < text.size() && octal(i + 1) && octal(i + 2) && octal(i + 3)) {
      plain +=
          static_cast<char>(((text[i + 1] - '0') << 6) | ((text[i + 2] - '0') << 3) | (text[i + 3] - '0'));
      i += 3;
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

void parse_swaps(std::string_view text, std::vector<SwapDevice>& devices) {
  devices.clear();
  static_cast<void>(take_line(text));  // the head
  while (auto line = take_line(text)) {
    SwapDevice device;
    device.path = undo_octal_escapes(take_word(*line));
    device.type = std::string(take_word(*line));
    const auto size = take_unsigned(*line);
    const auto used = take_unsigned(*line);
    const std::string_view priority = take_word(*line);
    const auto [stopped, error] =
        std::from_chars(priority.data(), priority.data() + priority.size(), device.priority);
    if (!size || !used || error != std::errc{} || stopped != priority.data() + priority.size()) continue;
    device.size_kib = *size;
    device.used_kib = *used;
    devices.push_back(std::move(device));
  }
}

SwapDeviceReader::SwapDeviceReader(const SystemRoot& root) : file_(root, "proc/swaps") {}

Result<void> SwapDeviceReader::read(std::vector<SwapDevice>& devices) {
  const auto text = file_.read();
  if (!text) {
    devices.clear();
    if (text.error().errno_value == ENOENT) return {};
    return tl::make_unexpected(text.error());
  }
  parse_swaps(*text, devices);
  return {};
}

}  // namespace isotach::kernel
