// A capture (pcap, nanoseconds) of the heads of frames that a port carries, in the order in which the
// emulator saw them. What cannot be written (a full disk) is counted, and no packet waits for it to be
// written as long as the kernel takes it. One thread at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/result.h"

namespace isotach::emulator {

class CaptureFile {
 public:
  static constexpr std::size_t kHeadBytes = 128;

  // Replaces what is there.
  [[nodiscard]] static Result<CaptureFile> create(const std::string& path);

  void add(const std::uint8_t* frame, std::size_t size, std::int64_t real_ns);
  void flush();
  [[nodiscard]] std::uint64_t lost() const { return lost_; }  // frames

 private:
  explicit CaptureFile(Fd fd) : fd_(std::move(fd)) {}

  Fd fd_;
  std::string waiting_;
  std::uint64_t waiting_frames_ = 0;
  std::uint64_t lost_ = 0;
};

}  // namespace isotach::emulator
