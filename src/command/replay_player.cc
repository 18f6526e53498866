#include "command/replay_player.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace isotach::command {
namespace {

constexpr std::size_t kToldDamageLimit = 10;

}  // namespace

Result<bool> ReplayPlayer::next(record::Sample& sample) {
  if (!started_) {
    started_ = true;
    if (range_.from_ns != std::numeric_limits<std::int64_t>::min()) {
      if (auto found = recording_.seek(range_.from_ns); !found)
        return tl::make_unexpected(std::move(found.error()));
    }
  }
  for (;;) {
    if (context_.waiter.interrupted()) return false;
    auto got = recording_.next(sample);
    if (!got) {
      ++damage_count_;
      if (damage_.size() < kToldDamageLimit) damage_.push_back(got.error().message());
      continue;
    }
    if (!*got || sample.time.monotonic_ns > range_.to_ns) return false;
    return wait_for(sample.time.monotonic_ns);
  }
}

// False when the user interrupts, or who reads our output has gone.
bool ReplayPlayer::wait_for(std::int64_t sample_ns) {
  if (!first_sample_ns_) {
    first_sample_ns_ = sample_ns;
    first_shown_ns_ = context_.clock.now().monotonic_ns;
  }
  if (speed_ <= 0) return true;
  // Whoever waits for this sample should see the ones before.
  context_.out.flush();
  const double wait_ns = (static_cast<double>(sample_ns) - static_cast<double>(*first_sample_ns_)) / speed_;
  constexpr double kLongestWaitNs = 1e18;  // thirty years, and no overflow
  const std::int64_t due_ns = first_shown_ns_ + static_cast<std::int64_t>(std::min(wait_ns, kLongestWaitNs));
  for (;;) {
    switch (context_.waiter.wait_until(due_ns, {-1, context_.out.fd()})) {
      case Wake::deadline:
        return true;
      case Wake::interrupted:
      case Wake::output_closed:
        return false;
      default:
        break;
    }
  }
}

bool ReplayPlayer::tell_damage() {
  for (const std::string& text : recording_.damage()) context_.warn(text);
  for (const std::string& text : damage_) context_.warn(text);
  if (damage_count_ > damage_.size())
    context_.warn(fmt::format("{} more pieces are damaged", damage_count_ - damage_.size()));
  return recording_.damage().empty() && damage_count_ == 0;
}

}  // namespace isotach::command
