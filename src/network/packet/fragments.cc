#include "network/packet/fragments.h"

#include <algorithm>
#include <cstring>

namespace isotach::network {
namespace {

constexpr std::size_t kMostWaiting = 256;
constexpr std::uint32_t kLargestPayload = 65535;
constexpr std::uint32_t kUnit = 8;

}  // namespace

std::optional<std::span<const std::uint8_t>> Fragments::add(const FragmentKey& key, std::uint32_t offset,
                                                            bool more, std::span<const std::uint8_t> bytes) {
  const auto size = static_cast<std::uint32_t>(bytes.size());
  if (size == 0 || offset > kLargestPayload || size > kLargestPayload - offset) return std::nullopt;
  // All but the last fragment are whole units; what is over cannot be placed.
  if (more && size % kUnit != 0) return std::nullopt;
  auto found =
      std::find_if(waiting_.begin(), waiting_.end(), [&](const Waiting& one) { return one.key == key; });
  if (found == waiting_.end()) {
    if (waiting_.size() >= kMostWaiting) waiting_.pop_back();
    waiting_.push_front({key, {}, {}, std::nullopt});
    found = waiting_.begin();
  }
  Waiting& packet = *found;
  const std::uint32_t end = offset + size;
  if (packet.end && (end > *packet.end || (!more && end != *packet.end))) return std::nullopt;
  if (!more) {
    if (packet.payload.size() > end) return std::nullopt;
    packet.end = end;
  }
  if (packet.payload.size() < end) {
    packet.payload.resize(end);
    packet.present.resize((end + kUnit - 1) / kUnit, false);
  }
  for (std::uint32_t at = 0; at < size; at += kUnit) {
    const std::size_t unit = (offset + at) / kUnit;
    if (packet.present[unit]) continue;  // the first that came counts
    packet.present[unit] = true;
    std::memcpy(packet.payload.data() + offset + at, bytes.data() + at, std::min(kUnit, size - at));
  }
  if (!packet.end || packet.payload.size() != *packet.end) return std::nullopt;
  if (!std::all_of(packet.present.begin(), packet.present.end(), [](bool there) { return there; }))
    return std::nullopt;
  done_ = std::move(packet.payload);
  waiting_.erase(found);
  return std::span<const std::uint8_t>(done_);
}

}  // namespace isotach::network
