#include "network/connections/envelope.h"

namespace isotach::network {

void Envelope::thin(std::size_t most) {
  constexpr unsigned kMostShift = 62;
  most = std::max<std::size_t>(most, 1);
  while (points_.size() > most && shift_ < kMostShift) {
    ++shift_;
    std::size_t kept = 0;
    for (std::size_t i = 1; i < points_.size(); ++i) {
      if (group_of(points_[i].time_ns) == group_of(points_[kept].time_ns)) {
        points_[kept].low = std::min(points_[kept].low, points_[i].low);
        points_[kept].high = std::max(points_[kept].high, points_[i].high);
      } else {
        points_[++kept] = points_[i];
      }
    }
    points_.resize(kept + 1);
  }
}

void Amounts::halve() {
  ++shift_;
  for (std::size_t i = 0; i * 2 < pieces_.size(); ++i)
    pieces_[i] = pieces_[i * 2] + (i * 2 + 1 < pieces_.size() ? pieces_[i * 2 + 1] : 0);
  pieces_.resize((pieces_.size() + 1) / 2);
}

void Amounts::add(std::int64_t time_ns, double amount) {
  constexpr unsigned kMostShift = 55;
  if (pieces_.empty()) first_ns_ = time_ns;
  const std::uint64_t since =
      time_ns <= first_ns_ ? 0 : static_cast<std::uint64_t>(time_ns) - static_cast<std::uint64_t>(first_ns_);
  while (static_cast<std::size_t>(since >> shift_) >= kMostPieces && shift_ < kMostShift) halve();
  const auto index = static_cast<std::size_t>(since >> shift_);
  if (index >= pieces_.size()) pieces_.resize(index + 1);
  pieces_[index] += amount;
}

void Amounts::widen(std::size_t most, std::int64_t least_ns) {
  constexpr unsigned kMostShift = 55;
  most = std::max<std::size_t>(most, 1);
  while ((pieces_.size() > most || piece_ns() < least_ns) && shift_ < kMostShift && pieces_.size() > 1)
    halve();
}

}  // namespace isotach::network
