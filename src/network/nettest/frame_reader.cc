#include "network/nettest/frame_reader.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "network/nettest/protocol.h"

namespace isotach::nettest {

std::size_t FrameReader::wanted() const {
  // Memory follows what really came, not what was announced.
  constexpr std::size_t kPieceBytes = std::size_t{16} * 1024;
  if (broken_) return 0;
  return std::min(needed_ - std::min(needed_, gathered_.size()), kPieceBytes);
}

void FrameReader::add(std::string_view bytes) {
  CHECK(bytes.size() <= wanted());
  gathered_.append(bytes);
  if (stage_ != Stage::length || gathered_.size() < kLengthBytes) return;
  needed_ = read_be32(gathered_);
  gathered_.clear();
  stage_ = Stage::text;
  broken_ = needed_ == 0 || needed_ > limit_bytes_;
}

void FrameReader::expect_bytes(std::size_t count) {
  CHECK(stage_ == Stage::idle);
  stage_ = Stage::bytes;
  needed_ = count;
}

void FrameReader::expect_json(std::size_t limit_bytes) {
  CHECK(stage_ == Stage::idle);
  stage_ = Stage::length;
  needed_ = kLengthBytes;
  limit_bytes_ = limit_bytes;
}

std::optional<std::string> FrameReader::take() {
  if (broken_ || stage_ == Stage::length || stage_ == Stage::idle || gathered_.size() < needed_)
    return std::nullopt;
  stage_ = Stage::idle;
  needed_ = 0;
  return std::exchange(gathered_, {});
}

}  // namespace isotach::nettest
