#include "view/web/recorded_feed.h"

#include <algorithm>

namespace isotach::view {
namespace {

constexpr std::size_t kSampleLimit = 20'000;

}  // namespace

std::size_t samples_that_fit(std::size_t point_count, std::size_t budget_bytes) {
  const std::size_t sample_bytes = sizeof(record::Sample) + point_count * sizeof(record::Point);
  return std::clamp<std::size_t>(budget_bytes / sample_bytes, 2, kSampleLimit);
}

Result<std::unique_ptr<RecordedFeed>> load_recording(const std::string& path, std::size_t budget_bytes) {
  auto opened = record::Recording::open(path);
  if (!opened) return Failure(std::move(opened.error()));
  auto loaded = std::make_unique<RecordedFeed>();
  loaded->recording = std::move(*opened);
  record::Recording& recording = *loaded->recording;

  record::Sample sample;
  std::size_t point_count = 0;
  if (auto more = recording.next(sample); more && *more) point_count = sample.points.size();
  if (const auto time = recording.first_time())
    if (auto sought = recording.seek(time->monotonic_ns); !sought) return Failure(std::move(sought.error()));
  const std::uint64_t limit = samples_that_fit(point_count, budget_bytes);
  loaded->stride = std::max<std::uint64_t>(1, (recording.sample_count() + limit - 1) / limit);
  loaded->feed = std::make_unique<LiveFeed>(recording.table(), limit);

  for (std::uint64_t number = 0; number < recording.sample_count() || number == 0; ++number) {
    auto more = recording.next(sample);
    if (!more) {
      if (loaded->damage.empty()) loaded->damage = more.error().message();
      continue;
    }
    if (!*more) break;
    if (number % loaded->stride == 0) loaded->feed->append(sample);
  }
  for (const record::Event& event : recording.events()) loaded->feed->append(event);
  if (loaded->feed->news().samples == 0)
    return failure(ErrorKind::failed, "the recording holds no samples",
                   "record some: isotach record --for 10s FILE.isotach");
  return loaded;
}

}  // namespace isotach::view
