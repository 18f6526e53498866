// Recordings: the decoder of blocks and the tables around it, as they would come from a hostile hand.
//
// The first byte chooses. Even: the rest are coded samples, as after decompression, so that the
// checksum does not keep the fuzzer out. Odd: the rest lays other bytes over a real recording, which
// the target makes once: records of two bytes offset, one byte length, then the bytes.
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "base/check.h"
#include "record/block.h"
#include "record/recorder.h"
#include "record/recording.h"

namespace {

using namespace isotach;

constexpr std::size_t kSeries = 40;
constexpr std::size_t kSamples = 300;

void decode_block(std::string_view coded) {
  record::BlockHeader header;
  header.number = 1;
  header.sample_count = 64;
  header.last.monotonic_ns = std::int64_t{1} << 60;
  header.raw_bytes = static_cast<std::uint32_t>(coded.size());
  record::BlockDecoder decoder;
  decoder.begin(header, coded, kSeries);
  record::Sample sample;
  std::int64_t before_ns = 0;
  for (std::uint32_t taken = 0;; ++taken) {
    const auto got = decoder.next(sample);
    if (!got || !*got) break;
    CHECK(taken < header.sample_count);
    CHECK(sample.time.monotonic_ns >= before_ns);
    before_ns = sample.time.monotonic_ns;
    CHECK(sample.points.size() <= kSeries);
    for (std::size_t i = 0; i < sample.points.size(); ++i) {
      CHECK(sample.points[i].series < kSeries);
      CHECK(i == 0 || sample.points[i - 1].series < sample.points[i].series);
    }
  }
}

// A folder of this process for the file that is damaged and read; gone at the end.
class Workshop {
 public:
  Workshop() {
    std::string pattern = "/tmp/isotach-recording-fuzz-XXXXXX";
    CHECK(::mkdtemp(pattern.data()) != nullptr);
    folder_ = pattern;
    make_recording();
  }
  ~Workshop() {
    for (const char* name : {"/sound", "/damaged", "/damaged-wal", "/damaged-shm", "/damaged-journal"})
      std::remove((folder_ + name).c_str());
    ::rmdir(folder_.c_str());
  }
  Workshop(const Workshop&) = delete;
  Workshop& operator=(const Workshop&) = delete;

  void read_with_damage(std::string_view damage) const {
    std::string bytes = sound_;
    while (damage.size() > 3) {
      const auto byte = [&](std::size_t at) {
        return static_cast<std::size_t>(static_cast<unsigned char>(damage[at]));
      };
      const std::size_t offset = (byte(0) | byte(1) << 8) % bytes.size();
      const std::size_t length = std::min({byte(2) % 64 + 1, damage.size() - 3, bytes.size() - offset});
      bytes.replace(offset, length, damage.substr(3, length));
      damage.remove_prefix(3 + length);
    }
    std::ofstream(folder_ + "/damaged", std::ios::binary) << bytes;
    auto recording = record::Recording::open(folder_ + "/damaged");
    if (!recording) {
      CHECK(!recording.error().message().empty());
      return;
    }
    read_all(**recording);
    static_cast<void>((*recording)->seek((*recording)->first_time().value_or(Instant{}).monotonic_ns + 5));
    read_all(**recording);
  }

 private:
  void make_recording() {
    record::SeriesTable table;
    for (std::size_t i = 0; i < kSeries; ++i) {
      record::MetricDescriptor metric;
      metric.name = "metric_" + std::to_string(i);
      metric.help = "Help";
      table.intern(metric, {{"device", std::to_string(i)}});
    }
    record::RecordingInfo info;
    info.command = "record";
    info.arguments = {"-i", "1"};
    auto recorder = record::Recorder::create(folder_ + "/sound", info, table);
    CHECK(recorder.has_value());
    record::Sample sample;
    for (std::size_t i = 0; i < kSamples; ++i) {
      sample.time.monotonic_ns = static_cast<std::int64_t>(i) * 1000;
      sample.points.clear();
      for (record::SeriesId id = 0; id < kSeries; ++id) sample.points.push_back({id, Value::of(i * id * 31)});
      (*recorder)->append(sample);
    }
    (*recorder)->append(record::Event{{}, record::EventKind::mark, "mark"});
    CHECK((*recorder)->finish().has_value());
    std::ifstream file(folder_ + "/sound", std::ios::binary);
    sound_.assign(std::istreambuf_iterator<char>(file), {});
    CHECK(!sound_.empty());
  }

  static void read_all(record::Recording& recording) {
    record::Sample sample;
    std::size_t errors = 0;
    std::size_t samples = 0;
    for (;;) {
      const auto got = recording.next(sample);
      if (!got) {
        // Each damaged piece is passed over, so that there is an end.
        CHECK(++errors < 10000);
        continue;
      }
      if (!*got) break;
      CHECK(++samples < 1'000'000);
      for (const record::Point& point : sample.points) CHECK(point.series < recording.table().size());
    }
  }

  std::string folder_;
  std::string sound_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
  if ((data[0] & 1) == 0) {
    decode_block(rest);
  } else {
    static const Workshop workshop;
    workshop.read_with_damage(rest);
  }
  return 0;
}
