#include "kernel/mappings.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "kernel/key_value.h"

namespace isotach::kernel {
namespace {

struct NamedFlag {
  std::string_view word;
  MappingFlag flag;
};

constexpr NamedFlag kFlags[] = {
    {"sh", MappingFlag::shared},
    {"ms", MappingFlag::may_share},
    {"io", MappingFlag::io},
    {"pf", MappingFlag::frames_only},
    {"lo", MappingFlag::locked},
    {"de", MappingFlag::do_not_expand},
    {"ht", MappingFlag::huge_tlb},
    {"mm", MappingFlag::mixed},
    {"dp", MappingFlag::droppable},
    {"mg", MappingFlag::mergeable},
    {"hg", MappingFlag::huge_page_advised},
    {"nh", MappingFlag::huge_page_refused},
    {"um", MappingFlag::userfault_missing},
    {"uw", MappingFlag::userfault_write},
    {"ui", MappingFlag::userfault_minor},
    {"sd", MappingFlag::soft_dirty},
    {"gd", MappingFlag::grows_down},
};

constexpr std::array<std::string_view, kMappingFieldCount> kFields = {
    "KernelPageSize", "Rss", "Pss",           "Anonymous", "Swap",
    "SwapPss",        "KSM", "AnonHugePages", "LazyFree",  "Locked"};

std::optional<std::uint64_t> parse_hexadecimal(std::string_view text) {
  std::uint64_t number = 0;
  const char* const end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number, 16);
  if (text.empty() || error != std::errc{} || stopped != end) return std::nullopt;
  return number;
}

// 7f0c1a2b0000-7f0c1a2c0000 rw-p 00000000 fe:00 248030    /usr/lib/a name with blanks.so
std::optional<Mapping> parse_head(std::string_view text) {
  const std::string_view range = take_word(text);
  const std::size_t dash = range.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const auto start = parse_hexadecimal(range.substr(0, dash));
  const auto end = parse_hexadecimal(range.substr(dash + 1));
  const std::string_view rights = take_word(text);
  const auto offset = parse_hexadecimal(take_word(text));
  const std::string_view device = take_word(text);
  const auto inode = take_unsigned(text);
  if (!start || !end || *start >= *end || rights.size() != 4 || !offset || device.empty() || !inode)
    return std::nullopt;
  Mapping mapping;
  mapping.start = *start;
  mapping.end = *end;
  mapping.readable = rights[0] == 'r';
  mapping.writable = rights[1] == 'w';
  mapping.executable = rights[2] == 'x';
  mapping.shared = rights[3] == 's' || rights[3] == 'S';
  mapping.offset_bytes = *offset;
  mapping.inode = *inode;
  const std::size_t name = text.find_first_not_of(" \t");
  if (name != std::string_view::npos) mapping.name.assign(text.substr(name));
  return mapping;
}

}  // namespace

void MappingParser::field_line(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return;
  const std::string_view key = text.substr(0, colon);
  std::string_view rest = text.substr(colon + 1);
  Mapping& mapping = mappings_.back();
  if (key == "VmFlags") {
    mapping.flags_known = true;
    for (std::string_view word = take_word(rest); !word.empty(); word = take_word(rest))
      for (const NamedFlag& known : kFlags)
        if (word == known.word) mapping.flags |= static_cast<std::uint32_t>(known.flag);
    return;
  }
  const auto* const found = std::find(kFields.begin(), kFields.end(), key);
  if (found == kFields.end()) return;
  const auto number = take_unsigned(rest);
  mapping.values[static_cast<std::size_t>(found - kFields.begin())] =
      number ? Value::of(*number) : Value(Missing::malformed);
}

void MappingParser::line(std::string_view text) {
  if (text.empty()) return;
  // The kernel's hexadecimal digits are small; the names of fields begin with a capital.
  const bool is_field = text[0] >= 'A' && text[0] <= 'Z';
  if (is_field) {
    if (after_head_) field_line(text);
    return;
  }
  auto mapping = mappings_.size() < kMappingLimit ? parse_head(text) : std::nullopt;
  after_head_ = mapping.has_value();
  if (mapping) mappings_.push_back(std::move(*mapping));
}

void MappingParser::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (end != std::string_view::npos && rest_.empty() && part.size() <= kLineLimitBytes) {
      line(part);
    } else {
      rest_.append(part.substr(0, kLineLimitBytes - std::min(kLineLimitBytes, rest_.size())));
      if (end == std::string_view::npos) return;
      line(rest_);
      rest_.clear();
    }
    piece.remove_prefix(end + 1);
  }
}

std::vector<Mapping> MappingParser::take() {
  line(rest_);
  rest_.clear();
  after_head_ = false;
  return std::exchange(mappings_, {});
}

Result<std::vector<Mapping>> read_mappings(const SystemRoot& root, unsigned pid, MappingDetail detail) {
  const std::string folder = root.path("proc/" + std::to_string(pid));
  std::string path = folder + (detail == MappingDetail::full ? "/smaps" : "/maps");
  auto fd = open_readonly(path);
  if (!fd && fd.error().errno_value == ENOENT && detail == MappingDetail::full) {
    path = folder + "/maps";
    fd = open_readonly(path);
  }
  if (!fd) return tl::make_unexpected(std::move(fd.error()));

  constexpr std::size_t kPieceBytes = 65536;
  constexpr std::size_t kLimitBytes = std::size_t{2} << 30;
  std::string piece(kPieceBytes, '\0');
  MappingParser parser;
  for (std::size_t done = 0; done < kLimitBytes;) {
    const ssize_t got = ::read(fd->get(), piece.data(), piece.size());
    if (got < 0) {
      if (errno == EINTR) continue;
      return system_failure(errno, "read " + path);
    }
    if (got == 0) return parser.take();
    parser.feed({piece.data(), static_cast<std::size_t>(got)});
    done += static_cast<std::size_t>(got);
  }
  return system_failure(EFBIG, "read " + path);
}

}  // namespace isotach::kernel
