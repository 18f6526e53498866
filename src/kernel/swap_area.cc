#include "kernel/swap_area.h"

#include <sys/random.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace isotach::kernel {
namespace {

constexpr std::size_t kMagicBytes = 10;
constexpr std::size_t kInfoOffset = 1024;
constexpr std::size_t kUuidOffset = kInfoOffset + 12;
constexpr std::size_t kLabelOffset = kUuidOffset + 16;
constexpr std::size_t kLabelBytes = 16;
constexpr std::uint32_t kVersion = 1;
constexpr std::uint32_t kPageSizes[] = {4096, 8192, 16384, 32768, 65536};

// In the byte order of the machine that made it, which must be ours for the kernel to take it.
std::uint32_t number_at(std::string_view text, std::size_t offset) {
  std::uint32_t number = 0;
  std::memcpy(&number, text.data() + offset, sizeof number);
  return number;
}

void put_number(std::string& text, std::size_t offset, std::uint32_t number) {
  std::memcpy(text.data() + offset, &number, sizeof number);
}

bool is_hibernation(std::string_view magic) {
  return magic == std::string_view("S1SUSPEND\0", kMagicBytes) ||
         magic == std::string_view("S2SUSPEND\0", kMagicBytes) || magic.starts_with("ULSUSPEND") ||
         magic.starts_with("LINHIB0001");
}

}  // namespace

SwapSignature parse_swap_header(std::string_view start, SwapHeader& header) {
  for (const std::uint32_t page_bytes : kPageSizes) {
    if (start.size() < page_bytes) break;
    const std::string_view magic = start.substr(page_bytes - kMagicBytes, kMagicBytes);
    if (is_hibernation(magic)) return SwapSignature::hibernated;
    if (magic == "SWAP-SPACE") return SwapSignature::old_swap;
    if (magic != "SWAPSPACE2") continue;
    const std::uint32_t version = number_at(start, kInfoOffset);
    if (version != kVersion && __builtin_bswap32(version) != kVersion) return SwapSignature::old_swap;
    const bool foreign = version != kVersion;
    const auto read = [&](std::size_t offset) {
      const std::uint32_t number = number_at(start, offset);
      return foreign ? __builtin_bswap32(number) : number;
    };
    header.page_bytes = page_bytes;
    header.last_page = read(kInfoOffset + 4);
    header.bad_pages = read(kInfoOffset + 8);
    std::memcpy(header.uuid.data(), start.data() + kUuidOffset, header.uuid.size());
    const std::string_view label = start.substr(kLabelOffset, kLabelBytes);
    header.label = label.substr(0, std::min(label.find('\0'), kLabelBytes));
    return SwapSignature::swap;
  }
  return SwapSignature::none;
}

std::string write_swap_header(const SwapHeader& header) {
  CHECK(header.label.size() <= kSwapLabelLimit);
  CHECK(std::has_single_bit(header.page_bytes) && header.page_bytes >= kPageSizes[0]);
  std::string page(header.page_bytes, '\0');
  put_number(page, kInfoOffset, kVersion);
  put_number(page, kInfoOffset + 4, header.last_page);
  put_number(page, kInfoOffset + 8, header.bad_pages);
  std::memcpy(page.data() + kUuidOffset, header.uuid.data(), header.uuid.size());
  std::memcpy(page.data() + kLabelOffset, header.label.data(), header.label.size());
  std::memcpy(page.data() + page.size() - kMagicBytes, "SWAPSPACE2", kMagicBytes);
  return page;
}

Result<std::array<std::uint8_t, 16>> make_uuid() {
  std::array<std::uint8_t, 16> uuid{};
  if (::getrandom(uuid.data(), uuid.size(), 0) != static_cast<ssize_t>(uuid.size()))
    return system_failure(errno, "get random bytes");
  uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0f) | 0x40);
  uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3f) | 0x80);
  return uuid;
}

std::string uuid_text(const std::array<std::uint8_t, 16>& uuid) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (std::size_t i = 0; i < uuid.size(); ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += kDigits[uuid[i] >> 4];
    text += kDigits[uuid[i] & 15];
  }
  return text;
}

}  // namespace isotach::kernel
