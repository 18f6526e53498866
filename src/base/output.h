// Buffered text output to a file descriptor that remembers how it ended. A reader who went away
// (EPIPE) is not an error: the command stops, finishes its work and ends quietly. Anything else
// (a full disk) is kept as an Error for main to print.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace isotach {

class Output {
 public:
  explicit Output(int fd) : fd_(fd) {}
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;
  ~Output() { flush(); }

  // Adds `text`; written out when 64 KiB have gathered or on flush().
  void write(std::string_view text);
  void flush();

  // False once the reader has gone or writing has failed: time to stop measuring.
  [[nodiscard]] bool is_open() const { return !reader_gone_ && !error_; }
  [[nodiscard]] bool reader_gone() const { return reader_gone_; }
  [[nodiscard]] const std::optional<Error>& error() const { return error_; }
  [[nodiscard]] int fd() const { return fd_; }

 private:
  void write_out(std::string_view text);

  int fd_;
  std::string buffer_;
  bool reader_gone_ = false;
  std::optional<Error> error_;
};

}  // namespace isotach
