// The line of a step in the journal: the kind and its fields, separated by blanks. In a field every byte
// but letters, digits and a few signs is written as %XX; an empty field is a lone %.
#include <array>

#include "base/text.h"
#include "kernel/change/undo.h"
#include "kernel/change/undo_link.h"

namespace isotach::kernel {
namespace {

struct KindName {
  UndoKind kind;
  std::string_view name;
  std::size_t least_fields;
};
constexpr std::array kKinds = {
    KindName{UndoKind::attribute, "attribute", 2},
    KindName{UndoKind::ksm, "ksm", 1},
    KindName{UndoKind::swap_on, "swap-on", 1},
    KindName{UndoKind::swap_off, "swap-off", 3},
    KindName{UndoKind::created_file, "created-file", 3},
    KindName{UndoKind::moved_file, "moved-file", 2},
    KindName{UndoKind::replaced_file, "replaced-file", 3},
    KindName{UndoKind::made_folder, "made-folder", 1},
    KindName{UndoKind::trace_instance, "trace-instance", 1},
    KindName{UndoKind::link, "link", kLinkFieldCount},
};

bool is_plain(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '/' || c == '.' ||
         c == '_' || c == '-' || c == '=' || c == ':';
}

int digit_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

// A step that is missing a field would do something else than what was meant. Paths are handed to the
// kernel as C strings: one with a NUL inside names another file.
bool is_sound(const UndoStep& step, const KindName& kind) {
  if (step.fields.size() < kind.least_fields) return false;
  if (kind.kind != UndoKind::ksm && step.fields.size() != kind.least_fields) return false;
  if (kind.kind == UndoKind::ksm && step.fields.size() % 2 == 0) return false;
  const std::size_t paths = kind.kind == UndoKind::moved_file || kind.kind == UndoKind::replaced_file ? 2 : 1;
  for (std::size_t i = 0; i < paths; ++i)
    if (!step.fields[i].starts_with('/') || step.fields[i].find('\0') != std::string::npos) return false;
  const auto number = [&](std::size_t field) { return parse_unsigned(step.fields[field]).has_value(); };
  if (kind.kind == UndoKind::link) return is_sound_link_step(step);
  if (kind.kind == UndoKind::created_file) return number(1) && number(2);
  if (kind.kind != UndoKind::swap_off) return true;
  const std::string_view priority = step.fields[1];
  const auto size = parse_unsigned(priority.substr(priority.starts_with('-') ? 1 : 0));
  return size && *size <= 32768;
}

}  // namespace

std::string escape_field(std::string_view field) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  if (field.empty()) return "%";
  std::string text;
  for (const char c : field) {
    if (is_plain(c)) {
      text += c;
      continue;
    }
    const auto byte = static_cast<unsigned char>(c);
    text += '%';
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::optional<std::string> unescape_field(std::string_view text) {
  if (text == "%") return std::string();
  std::string field;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (is_plain(text[i])) {
      field += text[i];
      continue;
    }
    if (text[i] != '%' || i + 2 >= text.size()) return std::nullopt;
    const int high = digit_value(text[i + 1]);
    const int low = digit_value(text[i + 2]);
    if (high < 0 || low < 0) return std::nullopt;
    field += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return field;
}

std::string write_step(const UndoStep& step) {
  std::string line;
  for (const KindName& kind : kKinds)
    if (kind.kind == step.kind) line = kind.name;
  for (const std::string& field : step.fields) line += ' ' + escape_field(field);
  return line;
}

std::optional<UndoStep> read_step(std::string_view line) {
  const std::vector<std::string_view> words = split(line, ' ');
  for (const KindName& kind : kKinds) {
    if (words.front() != kind.name) continue;
    UndoStep step{kind.kind, {}};
    for (std::size_t i = 1; i < words.size(); ++i) {
      auto field = unescape_field(words[i]);
      if (words[i].empty() || !field) return std::nullopt;
      step.fields.push_back(std::move(*field));
    }
    if (!is_sound(step, kind)) return std::nullopt;
    return step;
  }
  return std::nullopt;
}

}  // namespace isotach::kernel
