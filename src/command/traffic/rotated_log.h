// A log file that is put aside when it is large or old: FILE becomes FILE.1, FILE.1 becomes FILE.2, and so
// on; the last falls away. Lines are written whole; the file is opened for appending, so that a second start
// goes on in it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"

namespace isotach::command {

struct Rotation {
  std::uint64_t bytes = 0;  // 0: the size does not matter
  std::int64_t age_ns = 0;  // 0: the age does not matter
  unsigned kept = 8;        // files put aside
};
// "10M", "64Ki": a size. "1h", "1d", "30m": an age. Both: "10M,1d". Usage errors.
[[nodiscard]] Result<Rotation> parse_rotation(const std::string& text);

class RotatedLog {
 public:
  // `head` begins every file that is new or empty: the head of CSV; may be empty.
  [[nodiscard]] static Result<RotatedLog> open(std::string path, const Rotation& rotation, std::string head,
                                               Clock& clock);
  // Lines with their ends. An error leaves the log usable: the next call tries again.
  [[nodiscard]] Result<void> write(std::string_view lines);
  [[nodiscard]] std::uint64_t rotations() const { return rotations_; }

 private:
  RotatedLog(std::string path, const Rotation& rotation, std::string head, Clock& clock)
      : path_(std::move(path)), rotation_(rotation), head_(std::move(head)), clock_(&clock) {}
  [[nodiscard]] Result<void> open_file();
  [[nodiscard]] Result<void> put_aside();
  [[nodiscard]] bool is_due(std::size_t more) const;

  std::string path_;
  Rotation rotation_;
  std::string head_;
  Clock* clock_;
  Fd file_;
  std::uint64_t bytes_ = 0;
  std::int64_t opened_ns_ = 0;
  std::uint64_t rotations_ = 0;
};

}  // namespace isotach::command
