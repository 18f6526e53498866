// Marks that a user or a script types into a running recording: each line of standard input becomes
// one, with that text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace isotach::command {

// Cuts what is read into lines. A line longer than the limit is cut there and its rest passed over.
class LineCutter {
 public:
  explicit LineCutter(std::size_t limit_bytes) : limit_bytes_(limit_bytes) {}
  // The lines that end in `text`, without their ends; blank lines are kept as empty ones.
  [[nodiscard]] std::vector<std::string> add(std::string_view text);
  // What stood behind the last line end, when the input has ended.
  [[nodiscard]] std::vector<std::string> finish();

 private:
  std::size_t limit_bytes_;
  std::string line_;
};

// Standard input, read only while that disturbs nobody.
class MarkInput {
 public:
  MarkInput();
  // The descriptor to wait for; -1 while there is nothing to read: the input has ended, or the
  // process is in the background of a terminal, where reading would stop it.
  [[nodiscard]] int fd() const;
  // After a wait said that it can be read: the marks that were typed.
  [[nodiscard]] std::vector<std::string> read();

 private:
  bool open_ = true;
  bool terminal_ = false;
  LineCutter lines_;
};

}  // namespace isotach::command
