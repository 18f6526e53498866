#include "record/recording_fixture.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>

#include "base/fd.h"

namespace isotach::record {

MetricDescriptor test_metric(const std::string& name, MetricKind kind) {
  return {name, Unit::bytes, kind, "Bytes of " + name, name + " title", 1, RateDisplay::per_second, 64};
}

std::string fresh_path(const std::string& name) {
  const std::string path = testing::TempDir() + "isotach-" + std::to_string(::getpid()) + "-" + name;
  remove_recording(path);
  return path;
}

void remove_recording(const std::string& path) {
  for (const char* suffix : {"", "-wal", "-shm", "-journal"}) std::remove((path + suffix).c_str());
}

std::string bytes_of(const std::string& path) {
  return read_file(path).value_or(std::string());
}

void write_bytes(const std::string& path, const std::string& bytes) {
  remove_recording(path);
  ASSERT_TRUE(replace_file(path, bytes));
}

Sample test_sample(std::uint64_t number, SeriesId series_count) {
  Sample sample;
  const auto elapsed_ns = static_cast<std::int64_t>(number) * kTestStepNs;
  sample.time = {kTestStartNs + elapsed_ns, 1'700'000'000'000'000'000 + elapsed_ns};
  for (SeriesId id = 0; id < series_count; ++id)
    sample.points.push_back({id, Value::of(number * (id % 7) * 977 + id * 1'000'003ULL)});
  return sample;
}

void intern_test_series(SeriesTable& table, SeriesId count) {
  for (SeriesId id = 0; id < count; ++id) table.intern(test_metric("test_" + std::to_string(id) + "_bytes"));
}

void make_recording(const std::string& path, std::uint64_t samples, SeriesId series_count) {
  SeriesTable table;
  intern_test_series(table, series_count);
  RecordingInfo info;
  info.command = "record";
  info.interval_ns = kTestStepNs;
  // The whole of it may be queued: the tests care for the file, not for the disk's speed.
  auto recorder = Recorder::create(path, info, table, {samples + 1, std::size_t{1} << 30});
  ASSERT_TRUE(recorder) << recorder.error().message();
  for (std::uint64_t i = 0; i < samples; ++i) (*recorder)->append(test_sample(i, series_count));
  const auto finished = (*recorder)->finish();
  ASSERT_TRUE(finished) << finished.error().message();
}

bool equal(const Sample& a, const Sample& b) {
  if (a.time.monotonic_ns != b.time.monotonic_ns || a.time.wall_ns != b.time.wall_ns) return false;
  if (a.points.size() != b.points.size()) return false;
  for (std::size_t i = 0; i < a.points.size(); ++i)
    if (a.points[i].series != b.points[i].series || !(a.points[i].value == b.points[i].value)) return false;
  return true;
}

ReadThrough read_through(Recording& recording, std::size_t error_limit) {
  ReadThrough result;
  Sample sample;
  while (result.errors.size() < error_limit) {
    const auto got = recording.next(sample);
    if (!got) {
      result.errors.push_back(got.error().message());
      continue;
    }
    if (!*got) break;
    result.samples.push_back(sample);
  }
  return result;
}

}  // namespace isotach::record
