// What a followed program says of itself through a pipe, line by line:
//
//     mark 1930387649178 begin do_append
//     facts 1930521921600 pid=25485 when=before gc_enabled=1 malloc_used_bytes=2177840 ...
//
// Times are CLOCK_MONOTONIC in ns. The lab's programs write marks; python_hook.py writes both. Any program
// could write anything there: what is not understood is left out.
//
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace isotach::memory {

struct ProgramMark {
  std::int64_t time_ns = 0;
  std::string text;  // from the program: print it with printable()
};

// The state of the allocators at a moment, in bytes. Small objects of Python come from arenas of its own,
// all else from malloc().
struct ProgramFacts {
  enum class When { before, after };  // the cycle collector was run at the end

  std::int64_t time_ns = 0;
  unsigned pid = 0;
  When when = When::before;
  std::optional<std::uint64_t> resident_bytes;
  std::optional<std::uint64_t> arena_bytes, small_used_bytes;
  std::optional<std::uint64_t> malloc_used_bytes, malloc_free_bytes;
  std::optional<bool> gc_enabled;
  std::optional<std::uint64_t> collections;         // of all generations, since the start
  std::optional<std::uint64_t> oldest_collections;  // of the oldest generation
  std::optional<std::uint64_t> found;               // unreachable objects that the last collection found

  // What objects occupy; nothing unless all of it is known.
  [[nodiscard]] std::optional<std::uint64_t> used_bytes() const;
  // What the allocators hold for later; nothing unless all of it is known.
  [[nodiscard]] std::optional<std::uint64_t> free_bytes() const;
};

struct ProgramLine {
  std::optional<ProgramMark> mark;
  std::optional<ProgramFacts> facts;  // of mark and facts one at most
};

// One line without its end. Marks are cut off at kMarkLimit bytes.
inline constexpr std::size_t kMarkLimit = 120;
[[nodiscard]] ProgramLine parse_program_line(std::string_view line);

}  // namespace isotach::memory
