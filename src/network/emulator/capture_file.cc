#include "network/emulator/capture_file.h"

#include <fcntl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace isotach::emulator {
namespace {

constexpr std::size_t kFlushBytes = 1 << 16;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::uint32_t kNanosecondMagic = 0xa1b23c4d;
constexpr std::uint32_t kVersion = 4U << 16 | 2U;  // 2.4
constexpr std::uint32_t kEthernet = 1;

template <std::size_t kCount>
void append(std::string& text, const std::array<std::uint32_t, kCount>& words) {
  text.append(reinterpret_cast<const char*>(words.data()), sizeof words);
}

}  // namespace

Result<CaptureFile> CaptureFile::create(const std::string& path) {
  Fd fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!fd.is_open())
    return system_failure(errno, "write the capture " + path, "name a folder that exists and can be written");
  CaptureFile file(std::move(fd));
  append<6>(file.waiting_, {kNanosecondMagic, kVersion, 0, 0, kHeadBytes, kEthernet});
  return file;
}

void CaptureFile::add(const std::uint8_t* frame, std::size_t size, std::int64_t real_ns) {
  const std::size_t kept = std::min(size, kHeadBytes);
  append<4>(waiting_,
            {static_cast<std::uint32_t>(real_ns / kSecondNs), static_cast<std::uint32_t>(real_ns % kSecondNs),
             static_cast<std::uint32_t>(kept), static_cast<std::uint32_t>(size)});
  waiting_.append(reinterpret_cast<const char*>(frame), kept);
  ++waiting_frames_;
  if (waiting_.size() >= kFlushBytes) flush();
}

void CaptureFile::flush() {
  // A file with a hole in it is no capture: after the first failure nothing is written any more.
  if (lost_ > 0 || !write_all(fd_.get(), waiting_)) lost_ += std::max<std::uint64_t>(1, waiting_frames_);
  waiting_.clear();
  waiting_frames_ = 0;
}

}  // namespace isotach::emulator
