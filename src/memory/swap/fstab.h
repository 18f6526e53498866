// The lines of /etc/fstab that are about swap areas: finding, adding and removing one. Pure: text in, text
// out. All other lines stay as they are, byte for byte (fstab(5)).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace isotach::memory {

// A path as fstab has it: blank, tab, newline and backslash as \040, \011, \012 and \134, and back. "#" at
// the start is written \043, so that it is no comment.
[[nodiscard]] std::string escape_fstab(std::string_view path);
[[nodiscard]] std::string unescape_fstab(std::string_view field);

struct FstabSwap {
  std::string source;                // a path, or "UUID=..." or "LABEL=..."
  std::vector<std::string> options;  // "sw", "pri=10", "discard=once"
  bool off_at_boot = false;          // "noauto"

  [[nodiscard]] std::optional<int> priority() const;
  // In the words of swapon: "", "once", "pages" or "both".
  [[nodiscard]] std::string discard() const;
};

// The lines of type swap, in order. Lines that mount(8) would not understand are left out.
[[nodiscard]] std::vector<FstabSwap> parse_fstab_swaps(std::string_view text);

// "/swap none swap sw,pri=10,nofail 0 0", without a newline. nofail: a machine without the file starts.
[[nodiscard]] std::string fstab_swap_line(std::string_view path, std::optional<int> priority);

// `text` with a line that switches on `path` at every start. One that is there already stays where it is
// and as it is, but for its priority; what stood there twice stands there once.
[[nodiscard]] std::string with_fstab_swap(std::string_view text, std::string_view path,
                                          std::optional<int> priority);
// `text` without the lines that switch on `path`.
[[nodiscard]] std::string without_fstab_swap(std::string_view text, std::string_view path);

}  // namespace isotach::memory
