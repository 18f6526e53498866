#include "memory/swap/fstab.h"

#include <charconv>

#include "base/text.h"

namespace isotach::memory {
namespace {

std::string_view without_line_end(std::string_view line) {
  return line.substr(0, line.find_last_not_of("\r\n") + 1);
}

// The fields of a line that is about swap; nothing for every other line.
std::optional<std::vector<std::string_view>> swap_fields(std::string_view line) {
  std::vector<std::string_view> fields = split_blanks(without_line_end(line));
  if (fields.size() < 3 || fields[0].starts_with('#')) return std::nullopt;
  if (fields[2] != "swap") return std::nullopt;
  return fields;
}

bool is_about(std::string_view line, std::string_view path) {
  const auto fields = swap_fields(line);
  return fields && unescape_fstab((*fields)[0]) == path;
}

// The next line with its newline.
std::string_view take_whole_line(std::string_view& text) {
  const std::size_t end = text.find('\n');
  const std::string_view line = text.substr(0, end == std::string_view::npos ? end : end + 1);
  text.remove_prefix(line.size());
  return line;
}

std::string options_with_priority(std::string_view options, std::optional<int> priority) {
  std::string result;
  for (const std::string_view option : split(options, ',')) {
    if (option.empty() || option.starts_with("pri=")) continue;
    if (!result.empty()) result += ',';
    result += option;
  }
  if (result.empty()) result = "sw";
  if (priority) result += ",pri=" + std::to_string(*priority);
  return result;
}

// The line with another priority; the blanks between its fields and what follows them stay.
std::string line_with_priority(std::string_view line, std::optional<int> priority) {
  const std::string_view body = without_line_end(line);
  const std::vector<std::string_view> fields = split_blanks(body);
  if (fields.size() < 4)
    return std::string(body) + " sw" + (priority ? ",pri=" + std::to_string(*priority) : "") +
           std::string(line.substr(body.size()));
  const std::size_t start = static_cast<std::size_t>(fields[3].data() - line.data());
  std::string result(line.substr(0, start));
  result += options_with_priority(fields[3], priority);
  result += line.substr(start + fields[3].size());
  return result;
}

std::optional<int> priority_in(std::string_view options) {
  for (const std::string_view option : split(options, ',')) {
    if (!option.starts_with("pri=")) continue;
    const std::string_view number = option.substr(4);
    int priority = 0;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), priority);
    if (error == std::errc{} && end == number.data() + number.size()) return priority;
  }
  return std::nullopt;
}

}  // namespace

std::string escape_fstab(std::string_view path) {
  std::string escaped;
  for (std::size_t i = 0; i < path.size(); ++i) {
    const char c = path[i];
    if (c == ' ') {
      escaped += "\\040";
    } else if (c == '\t') {
      escaped += "\\011";
    } else if (c == '\n') {
      escaped += "\\012";
    } else if (c == '\\') {
      escaped += "\\134";
    } else if (c == '#' && i == 0) {
      escaped += "\\043";
    } else {
      escaped += c;
    }
  }
  return escaped;
}

std::string unescape_fstab(std::string_view field) {
  std::string plain;
  for (std::size_t i = 0; i < field.size(); ++i) {
    const auto digit = [&](std::size_t at, char most) { return field[at] >= '0' && field[at] <= most; };
    if (field[i] == '\\' && i + 3 < field.size() && digit(i + 1, '3') && digit(i + 2, '7') &&
        digit(i + 3, '7')) {
      plain +=
          static_cast<char>(((field[i + 1] - '0') << 6) | ((field[i + 2] - '0') << 3) | (field[i + 3] - '0'));
      i += 3;
    } else {
      plain += field[i];
    }
  }
  return plain;
}

std::optional<int> FstabSwap::priority() const {
  for (const std::string& option : options)
    if (const auto found = priority_in(option)) return found;
  return std::nullopt;
}

std::string FstabSwap::discard() const {
  for (const std::string& option : options) {
    if (option == "discard") return "both";
    if (option == "discard=once" || option == "discard=pages") return option.substr(8);
  }
  return {};
}

std::vector<FstabSwap> parse_fstab_swaps(std::string_view text) {
  std::vector<FstabSwap> swaps;
  while (!text.empty()) {
    const std::string_view line = take_whole_line(text);
    const auto fields = swap_fields(line);
    if (!fields) continue;
    FstabSwap swap;
    swap.source = unescape_fstab((*fields)[0]);
    if (fields->size() > 3)
      for (const std::string_view option : split((*fields)[3], ',')) {
        swap.options.emplace_back(option);
        if (option == "noauto") swap.off_at_boot = true;
      }
    swaps.push_back(std::move(swap));
  }
  return swaps;
}

std::string fstab_swap_line(std::string_view path, std::optional<int> priority) {
  std::string line = escape_fstab(path) + " none swap sw,";
  if (priority) line += "pri=" + std::to_string(*priority) + ',';
  return line + "nofail 0 0";
}

std::string with_fstab_swap(std::string_view text, std::string_view path, std::optional<int> priority) {
  std::string result;
  bool found = false;
  while (!text.empty()) {
    const std::string_view line = take_whole_line(text);
    if (!is_about(line, path)) {
      result += line;
      continue;
    }
    if (found) continue;
    found = true;
    const auto fields = swap_fields(line);
    const auto now = fields->size() > 3 ? priority_in((*fields)[3]) : std::nullopt;
    result += now == priority ? std::string(line) : line_with_priority(line, priority);
  }
  if (found) return result;
  if (!result.empty() && !result.ends_with('\n')) result += '\n';
  return result + fstab_swap_line(path, priority) + '\n';
}

std::string without_fstab_swap(std::string_view text, std::string_view path) {
  std::string result;
  while (!text.empty()) {
    const std::string_view line = take_whole_line(text);
    if (!is_about(line, path)) result += line;
  }
  return result;
}

}  // namespace isotach::memory
