// A small kernel file that is read again and again: the descriptor stays open, the buffer is kept,
// each read is one pread from the start. On a saved tree the file is opened afresh each time, since
// there a new moment is a new file.
#pragma once

#include <string>
#include <string_view>

#include "base/fd.h"
#include "base/value.h"
#include "kernel/system_root.h"

namespace isotach::kernel {

class KeptFile {
 public:
  KeptFile(const SystemRoot& root, std::string_view relative_path);

  // The whole content now; valid until the next call. An error is remembered nowhere: a file that
  // appears later is found later.
  [[nodiscard]] Result<std::string_view> read();
  [[nodiscard]] const std::string& path() const { return path_; }

 private:
  static constexpr std::size_t kLimitBytes = std::size_t{64} << 20;

  std::string path_;
  bool keep_open_;
  Fd fd_;
  std::string buffer_;
};

// Why the values of a file that cannot be read are missing: for files that not every kernel has.
[[nodiscard]] Missing missing_reason(const Error& error);

}  // namespace isotach::kernel
