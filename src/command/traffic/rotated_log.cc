#include "command/traffic/rotated_log.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "base/text.h"

namespace isotach::command {
namespace {

// Smaller files would be put aside with every write.
constexpr std::uint64_t kLeastBytes = 4096;

bool is_age(std::string_view text) {
  return !text.empty() && std::string_view("smhd").find(text.back()) != std::string_view::npos;
}

}  // namespace

Result<Rotation> parse_rotation(const std::string& text) {
  const auto wrong = [&](const std::string& why) {
    return failure(ErrorKind::usage, "'" + printable(text) + "' is no size or age of a log: " + why,
                   "write a size, such as 10M, an age, such as 1d, or both: 10M,1d");
  };
  Rotation rotation;
  for (const std::string_view piece : split(text, ',')) {
    if (is_age(piece)) {
      const auto age = parse_duration_ns(piece);
      if (!age || *age < kNanosecondsPerSecond) return wrong("an age is at least a second");
      rotation.age_ns = *age;
    } else {
      const auto size = parse_size(piece);
      if (!size) return wrong("it cannot be read");
      if (*size < kLeastBytes) return wrong("a size is at least 4096 bytes");
      rotation.bytes = *size;
    }
  }
  return rotation;
}

Result<RotatedLog> RotatedLog::open(std::string path, const Rotation& rotation, std::string head,
                                    Clock& clock) {
  RotatedLog log(std::move(path), rotation, std::move(head), clock);
  if (auto opened = log.open_file(); !opened) return tl::make_unexpected(std::move(opened.error()));
  return log;
}

Result<void> RotatedLog::open_file() {
  file_ = Fd(::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644));
  if (!file_.is_open()) return system_failure(errno, "open " + path_);
  struct stat status {};
  bytes_ = ::fstat(file_.get(), &status) == 0 && status.st_size > 0
               ? static_cast<std::uint64_t>(status.st_size)
               : 0;
  opened_ns_ = clock_->now().monotonic_ns;
  if (bytes_ > 0 || head_.empty()) return {};
  if (auto written = write_all(file_.get(), head_); !written) return written;
  bytes_ = head_.size();
  return {};
}

bool RotatedLog::is_due(std::size_t more) const {
  if (bytes_ <= head_.size()) return false;  // there is nothing to put aside
  if (rotation_.bytes > 0 && bytes_ + more > rotation_.bytes) return true;
  return rotation_.age_ns > 0 && clock_->now().monotonic_ns - opened_ns_ >= rotation_.age_ns;
}

Result<void> RotatedLog::put_aside() {
  const auto name = [&](unsigned number) { return fmt::format("{}.{}", path_, number); };
  // What is not there cannot be renamed, which is no error.
  for (unsigned number = rotation_.kept; number > 1; --number)
    if (std::rename(name(number - 1).c_str(), name(number).c_str()) != 0 && errno != ENOENT)
      return system_failure(errno, "rename " + name(number - 1));
  if (std::rename(path_.c_str(), name(1).c_str()) != 0 && errno != ENOENT)
    return system_failure(errno, "rename " + path_);
  ++rotations_;
  file_.reset();
  return {};
}

Result<void> RotatedLog::write(std::string_view lines) {
  if (file_.is_open() && is_due(lines.size()))
    if (auto done = put_aside(); !done) return done;
  if (!file_.is_open())
    if (auto opened = open_file(); !opened) return opened;
  if (auto written = write_all(file_.get(), lines); !written) return written;
  bytes_ += lines.size();
  return {};
}

}  // namespace isotach::command
