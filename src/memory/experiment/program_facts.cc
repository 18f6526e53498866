#include "memory/experiment/program_facts.h"

#include <limits>

#include "base/text.h"

namespace isotach::memory {
namespace {

constexpr std::string_view kMark = "mark ";
constexpr std::string_view kFacts = "facts ";

std::optional<std::int64_t> take_time(std::string_view& rest) {
  const std::size_t end = std::min(rest.find(' '), rest.size());
  const auto time_ns = parse_unsigned(rest.substr(0, end));
  if (!time_ns || *time_ns > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) return std::nullopt;
  rest.remove_prefix(end);
  rest = trim(rest);
  return static_cast<std::int64_t>(*time_ns);
}

void take_fact(std::string_view word, ProgramFacts& facts) {
  const std::size_t equals = word.find('=');
  if (equals == std::string_view::npos) return;
  const std::string_view name = word.substr(0, equals);
  const std::string_view text = word.substr(equals + 1);
  if (name == "when") {
    facts.when = text == "after" ? ProgramFacts::When::after : ProgramFacts::When::before;
    return;
  }
  const auto value = parse_unsigned(text);
  if (!value) return;
  if (name == "pid" && *value <= std::numeric_limits<std::int32_t>::max())
    facts.pid = static_cast<unsigned>(*value);
  if (name == "resident_bytes") facts.resident_bytes = value;
  if (name == "arena_bytes") facts.arena_bytes = value;
  if (name == "small_used_bytes") facts.small_used_bytes = value;
  if (name == "malloc_used_bytes") facts.malloc_used_bytes = value;
  if (name == "malloc_free_bytes") facts.malloc_free_bytes = value;
  if (name == "gc_enabled") facts.gc_enabled = *value != 0;
  if (name == "collections") facts.collections = value;
  if (name == "oldest_collections") facts.oldest_collections = value;
  if (name == "found") facts.found = value;
}

std::optional<std::uint64_t> sum(std::optional<std::uint64_t> a, std::optional<std::uint64_t> b) {
  std::uint64_t total = 0;
  if (!a || !b || __builtin_add_overflow(*a, *b, &total)) return std::nullopt;
  return total;
}

}  // namespace

std::optional<std::uint64_t> ProgramFacts::used_bytes() const {
  return sum(small_used_bytes, malloc_used_bytes);
}

std::optional<std::uint64_t> ProgramFacts::free_bytes() const {
  if (!arena_bytes || !small_used_bytes || *small_used_bytes > *arena_bytes) return std::nullopt;
  return sum(*arena_bytes - *small_used_bytes, malloc_free_bytes);
}

ProgramLine parse_program_line(std::string_view line) {
  ProgramLine parsed;
  if (line.starts_with(kMark)) {
    line.remove_prefix(kMark.size());
    const auto time_ns = take_time(line);
    if (time_ns && !line.empty())
      parsed.mark = ProgramMark{*time_ns, std::string(line.substr(0, kMarkLimit))};
  } else if (line.starts_with(kFacts)) {
    line.remove_prefix(kFacts.size());
    const auto time_ns = take_time(line);
    if (!time_ns) return parsed;
    ProgramFacts facts;
    facts.time_ns = *time_ns;
    for (const std::string_view word : split_blanks(line)) take_fact(word, facts);
    if (facts.pid > 0) parsed.facts = facts;
  }
  return parsed;
}

}  // namespace isotach::memory
