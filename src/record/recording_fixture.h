// What the tests of recordings share: a small machine to record, and files to damage. Defined in
// recording_fixture_test.cc.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "record/recorder.h"
#include "record/recording.h"

namespace isotach::record {

[[nodiscard]] MetricDescriptor test_metric(const std::string& name, MetricKind kind = MetricKind::counter);

// A path under the test's folder where nothing is.
[[nodiscard]] std::string fresh_path(const std::string& name);
// With the files beside it.
void remove_recording(const std::string& path);

[[nodiscard]] std::string bytes_of(const std::string& path);
void write_bytes(const std::string& path, const std::string& bytes);

inline constexpr std::int64_t kTestStartNs = 5'000'000'000;
inline constexpr std::int64_t kTestStepNs = 10'000'000;

// Sample `number` of a series table with `series_count` series: all values differ, and change.
[[nodiscard]] Sample test_sample(std::uint64_t number, SeriesId series_count);
void intern_test_series(SeriesTable& table, SeriesId count);
// A finished recording of `samples` test samples.
void make_recording(const std::string& path, std::uint64_t samples, SeriesId series_count);

[[nodiscard]] bool equal(const Sample& a, const Sample& b);

// Reads to the end, going on behind damaged blocks; what was read and the errors on the way.
struct ReadThrough {
  std::vector<Sample> samples;
  std::vector<std::string> errors;
};
[[nodiscard]] ReadThrough read_through(Recording& recording, std::size_t error_limit = 100000);

}  // namespace isotach::record
