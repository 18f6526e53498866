#include "record/recording.h"

#include <gtest/gtest.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <random>

#include "record/block.h"
#include "record/block_seal.h"
#include "record/recording_fixture.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

std::string open_error(const std::string& path) {
  const auto recording = Recording::open(path);
  return recording ? std::string() : recording.error().message();
}

// Changes a finished recording with SQL, as a hostile hand would.
void change(const std::string& path, const std::string& sql) {
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &database), SQLITE_OK);
  char* message = nullptr;
  EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &message), SQLITE_OK) << message;
  sqlite3_close(database);
}

class RecordingTest : public testing::Test {
 protected:
  void SetUp() override { path_ = fresh_path(testing::UnitTest::GetInstance()->current_test_info()->name()); }
  void TearDown() override { remove_recording(path_); }

  ReadThrough read() {
    auto recording = Recording::open(path_);
    EXPECT_TRUE(recording) << recording.error().message();
    return recording ? read_through(**recording) : ReadThrough{};
  }

  std::string path_;
};

TEST_F(RecordingTest, RefusesWhatIsNone) {
  EXPECT_EQ(open_error(""), "a recording needs the name of a file");
  EXPECT_EQ(open_error(path_), "cannot open " + path_ + ": No such file or directory");
  EXPECT_EQ(open_error("/"), "/ is a folder, not a recording");
  EXPECT_EQ(open_error("/dev/zero"), "/dev/zero is no ordinary file, so it is no recording");
  ASSERT_EQ(::mkfifo(path_.c_str(), 0600), 0);
  EXPECT_NE(open_error(path_).find("no ordinary file"), std::string::npos);
  write_bytes(path_, "");
  EXPECT_NE(open_error(path_).find("is empty"), std::string::npos);
  write_bytes(path_, "time,value\n1,2\n");
  EXPECT_NE(open_error(path_).find("is not an isotach recording"), std::string::npos);
  write_bytes(path_, std::string(100000, '\xff'));
  EXPECT_NE(open_error(path_).find("is not an isotach recording"), std::string::npos);
}

TEST_F(RecordingTest, RefusesAnotherDatabase) {
  change(path_, "CREATE TABLE block(a)");
  EXPECT_NE(open_error(path_).find("a SQLite database of another program"), std::string::npos);
  change(path_, "PRAGMA application_id=" + std::to_string(kApplicationId) + "; PRAGMA user_version=1");
  EXPECT_NE(open_error(path_).find("its tables are not those of a recording"), std::string::npos);
}

TEST_F(RecordingTest, RefusesViewsInPlaceOfTables) {
  make_recording(path_, 10, 2);
  change(path_,
         "DROP TABLE block; CREATE VIEW block AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 "
         "FROM n) "
         "SELECT x AS number FROM n");
  EXPECT_NE(open_error(path_).find("its tables are not those of a recording"), std::string::npos);
}

TEST_F(RecordingTest, RefusesANewerFormatAndSaysWhichItReads) {
  make_recording(path_, 10, 2);
  change(path_, "PRAGMA user_version=7");
  const auto recording = Recording::open(path_);
  ASSERT_FALSE(recording);
  EXPECT_NE(recording.error().message().find("recording format 7; this isotach reads up to format 1"),
            std::string::npos);
  EXPECT_NE(recording.error().remedy.find("newer"), std::string::npos);
}

TEST_F(RecordingTest, AddedColumnsTablesAndKeysDoNotHarm) {
  make_recording(path_, 300, 2);
  change(path_,
         "ALTER TABLE block ADD COLUMN later; ALTER TABLE series ADD COLUMN later; CREATE TABLE more(a);"
         "INSERT INTO info VALUES('later', 'x')");
  EXPECT_EQ(read().samples.size(), 300u);
}

TEST_F(RecordingTest, ARecordingWithoutSamplesIsOne) {
  make_recording(path_, 0, 0);
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->sample_count(), 0u);
  EXPECT_FALSE((*recording)->first_time());
  EXPECT_FALSE((*recording)->last_time());
  EXPECT_TRUE((*recording)->seek(123));
  EXPECT_TRUE(read_through(**recording).samples.empty());
}

TEST_F(RecordingTest, EveryTruncationIsToldAndNoneCrashes) {
  make_recording(path_, 600, 20);
  const std::string whole = bytes_of(path_);
  std::vector<std::size_t> sizes = {1, 15, 16, 17, 50, 99, 100, 101, 4095, 4096, 4097, whole.size() - 1};
  for (std::size_t size = 512; size < whole.size(); size += 1777) sizes.push_back(size);
  for (const std::size_t size : sizes) {
    write_bytes(path_, whole.substr(0, size));
    const std::string error = open_error(path_);
    EXPECT_TRUE(error.find("truncated") != std::string::npos || error.find("is not an") != std::string::npos)
        << size << ": " << error;
  }
}

TEST_F(RecordingTest, ADamagedBlockIsToldAndTheRestRead) {
  make_recording(path_, 1024, 4);
  for (const char* damage : {"UPDATE block SET data = zeroblob(length(data)) WHERE number = 2",
                             "UPDATE block SET checksum = checksum + 1 WHERE number = 2",
                             "UPDATE block SET last_monotonic_ns = last_monotonic_ns + 1 WHERE number = 2",
                             "UPDATE block SET sample_count = 1000000000 WHERE number = 2",
                             "UPDATE block SET sample_count = -1 WHERE number = 2",
                             "UPDATE block SET raw_bytes = 1 << 40 WHERE number = 2",
                             "UPDATE block SET first_monotonic_ns = 'soon' WHERE number = 2",
                             "UPDATE block SET checksum = 'none' WHERE number = 2",
                             "UPDATE block SET data = 'text' WHERE number = 2"}) {
    remove_recording(path_);
    make_recording(path_, 1024, 4);
    change(path_, damage);
    const ReadThrough through = read();
    ASSERT_EQ(through.errors.size(), 1u) << damage;
    EXPECT_NE(through.errors[0].find("block 2 of "), std::string::npos) << through.errors[0];
    EXPECT_EQ(through.samples.size(), 768u) << damage;
  }
}

TEST_F(RecordingTest, AMissingBlockLeavesAGap) {
  make_recording(path_, 1024, 4);
  change(path_, "DELETE FROM block WHERE number = 2");
  const ReadThrough through = read();
  EXPECT_TRUE(through.errors.empty());
  ASSERT_EQ(through.samples.size(), 768u);
  EXPECT_TRUE(equal(through.samples[256], test_sample(512, 4)));
}

TEST_F(RecordingTest, BlocksThatGoBackInTimeAreLeftOut) {
  make_recording(path_, 512, 4);
  BlockEncoder encoder;
  encoder.begin(3, 512);
  encoder.append(test_sample(1, 4));
  BlockCompressor compressor;
  const std::string data(compressor.compress(encoder.raw()));
  const BlockHeader& header = encoder.header();
  std::string hex;
  for (const char c : data) {
    static constexpr char kDigits[] = "0123456789abcdef";
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  change(path_, "INSERT INTO block VALUES(3, 512, 1, " + std::to_string(header.first.monotonic_ns) + ", " +
                    std::to_string(header.first.wall_ns) + ", " + std::to_string(header.last.monotonic_ns) +
                    ", " + std::to_string(header.last.wall_ns) + ", " + std::to_string(header.raw_bytes) +
                    ", " + std::to_string(static_cast<std::int64_t>(block_checksum(header, data))) + ", x'" +
                    hex + "')");
  const ReadThrough through = read();
  EXPECT_EQ(through.samples.size(), 512u);
  ASSERT_EQ(through.errors.size(), 1u);
  EXPECT_NE(through.errors[0].find("it goes back in time"), std::string::npos);
}

TEST_F(RecordingTest, SeriesThatCannotBeReadGetStandIns) {
  make_recording(path_, 10, 6);
  change(path_,
         "UPDATE series SET labels = '{broken' WHERE id = 0; UPDATE series SET name = 'a b' || char(27) "
         "WHERE id = 1;"
         "UPDATE series SET name = (SELECT name FROM series WHERE id = 5) WHERE id = 2; DELETE FROM series "
         "WHERE id = 3;"
         "UPDATE series SET counter_bits = 4711 WHERE id = 4");
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording) << recording.error().message();
  const SeriesTable& table = (*recording)->table();
  ASSERT_EQ(table.size(), 6u);
  EXPECT_EQ(table.at(0).key(), "damaged_series_0");
  EXPECT_EQ(table.at(1).key(), "damaged_series_1");
  EXPECT_EQ(table.at(2).key(), "test_5_bytes");  // which of two namesakes is right cannot be known
  EXPECT_EQ(table.at(3).key(), "damaged_series_3");
  EXPECT_EQ(table.at(5).key(), "damaged_series_5");
  EXPECT_EQ((*recording)->damage().size(), 5u);
  const ReadThrough through = read_through(**recording);
  EXPECT_TRUE(through.errors.empty());
  EXPECT_TRUE(equal(through.samples[9], test_sample(9, 6)));
}

TEST_F(RecordingTest, AbsurdTablesAreBounded) {
  make_recording(path_, 10, 2);
  change(path_, "INSERT INTO series SELECT 1 << 30, 'x', 'y', 'z', '', '', 1, '', 64, '{}'");
  EXPECT_NE(open_error(path_).find("refers to more than 65536 series"), std::string::npos);
  remove_recording(path_);
  make_recording(path_, 10, 2);
  change(path_,
         "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < 100000) "
         "INSERT INTO event SELECT x, x, x, 'mark', 'text' FROM n;"
         "UPDATE event SET text = zeroblob(1 << 20) WHERE number = 5;"
         "UPDATE event SET kind = 5 WHERE number = 6;"
         "UPDATE info SET value = '[[[[' WHERE key = 'arguments'; DELETE FROM info WHERE key = 'host'");
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording) << recording.error().message();
  EXPECT_LE((*recording)->events().size(), kEventLimit);
  EXPECT_FALSE((*recording)->damage().empty());
  EXPECT_TRUE((*recording)->info().arguments.empty());
  EXPECT_EQ(read_through(**recording).samples.size(), 10u);
}

TEST_F(RecordingTest, SeekGoesToTheFirstSampleAtOrAfterTheTime) {
  make_recording(path_, 1000, 3);
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording);
  const auto after_seek = [&](std::int64_t time_ns) -> std::int64_t {
    EXPECT_TRUE((*recording)->seek(time_ns));
    Sample sample;
    const auto got = (*recording)->next(sample);
    EXPECT_TRUE(got);
    return got && *got ? sample.time.monotonic_ns : -1;
  };
  const auto time_of = [](std::uint64_t number) { return test_sample(number, 0).time.monotonic_ns; };
  std::mt19937_64 random(3);
  for (int round = 0; round < 300; ++round) {
    const std::uint64_t number = random() % 1000;
    EXPECT_EQ(after_seek(time_of(number)), time_of(number));
    EXPECT_EQ(after_seek(time_of(number) - 1), time_of(number));
    EXPECT_EQ(after_seek(time_of(number) + 1), number < 999 ? time_of(number + 1) : -1);
  }
  EXPECT_EQ(after_seek(std::numeric_limits<std::int64_t>::min()), time_of(0));
  EXPECT_EQ(after_seek(time_of(999) + 1), -1);
  EXPECT_EQ(after_seek(std::numeric_limits<std::int64_t>::max()), -1);
  EXPECT_EQ(after_seek(time_of(0)), time_of(0));  // and back again
}

TEST_F(RecordingTest, WallClockTimesLeadToSamples) {
  SeriesTable table;
  auto recorder = Recorder::create(path_, {}, table);
  ASSERT_TRUE(recorder);
  Sample sample;
  // The machine sleeps for an hour after sample 399: the monotonic clock stands, the wall clock goes on.
  constexpr std::int64_t kHourNs = 3600 * kNanosecondsPerSecond;
  const auto wall_of = [](std::int64_t i) { return i * 10 + (i >= 400 ? kHourNs : 0); };
  for (std::int64_t i = 0; i < 1000; ++i) {
    sample.time = {i * 10, wall_of(i)};
    (*recorder)->append(sample);
  }
  ASSERT_TRUE((*recorder)->finish());
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->monotonic_at(-5), 0);
  EXPECT_EQ((*recording)->monotonic_at(wall_of(300)), 3000);
  EXPECT_EQ((*recording)->monotonic_at(wall_of(300) + 1), 3010);
  EXPECT_EQ((*recording)->monotonic_at(kHourNs / 2), 4000);
  EXPECT_EQ((*recording)->monotonic_at(wall_of(999)), 9990);
  EXPECT_EQ((*recording)->monotonic_at(wall_of(999) + 1), 9991);
}

TEST_F(RecordingTest, SeekIsFastInALargeFile) {
  constexpr std::uint64_t kSamples = 100'000;
  make_recording(path_, kSamples, 20);
  auto recording = Recording::open(path_);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->sample_count(), kSamples);
  const auto seconds_of = [](const std::function<void()>& work) {
    const auto start = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  Sample sample;
  const double whole_s = seconds_of([&] {
    while ((*recording)->next(sample).value_or(false)) {
    }
  });
  EXPECT_TRUE(equal(sample, test_sample(kSamples - 1, 20)));
  std::mt19937_64 random(4);
  const double hundred_seeks_s = seconds_of([&] {
    for (int i = 0; i < 100; ++i) {
      const std::uint64_t number = random() % kSamples;
      ASSERT_TRUE((*recording)->seek(test_sample(number, 0).time.monotonic_ns));
      ASSERT_TRUE((*recording)->next(sample).value_or(false));
      ASSERT_TRUE(equal(sample, test_sample(number, 20)));
    }
  });
  RecordProperty("whole_ms", std::to_string(whole_s * 1000));
  RecordProperty("seek_us", std::to_string(hundred_seeks_s * 10000));
  // Seeking reads one block of about 400; that all hundred take less than reading everything thrice
  // leaves room for a busy machine.
  EXPECT_LT(hundred_seeks_s, 3 * whole_s);
}

TEST_F(RecordingTest, ReadersLeaveNothingBehindAndChangeNothing) {
  make_recording(path_, 100, 3);
  const std::string before = bytes_of(path_);
  EXPECT_EQ(read().samples.size(), 100u);
  EXPECT_EQ(bytes_of(path_), before);
  EXPECT_NE(::access((path_ + "-wal").c_str(), F_OK), 0);
  EXPECT_NE(::access((path_ + "-shm").c_str(), F_OK), 0);
}

// Whatever happens to the bytes: an error or samples, in bounded time, and no crash.
TEST_F(RecordingTest, RandomDamageNeverCrashes) {
  make_recording(path_, 600, 30);
  const std::string whole = bytes_of(path_);
  std::mt19937_64 random(5);
  int opened = 0;
  int salvaged = 0;
  for (int round = 0; round < 200; ++round) {
    std::string bytes = whole;
    const auto changes = 1 + random() % 20;
    // Half of the rounds strike near each other, as a bad sector does.
    const std::size_t base = random() % bytes.size();
    for (std::uint64_t i = 0; i < changes; ++i) {
      const std::size_t at =
          round % 2 == 0 ? random() % bytes.size() : (base + random() % 512) % bytes.size();
      bytes[at] = static_cast<char>(random());
    }
    write_bytes(path_, bytes);
    auto recording = Recording::open(path_);
    if (!recording) continue;
    ++opened;
    const ReadThrough through = read_through(**recording, 1000);
    EXPECT_LT(through.errors.size(), 1000u);
    salvaged += !through.errors.empty() && !through.samples.empty();
    for (const Sample& sample : through.samples)
      for (const Point& point : sample.points) ASSERT_LT(point.series, (*recording)->table().size());
  }
  EXPECT_GT(opened, 0);
  EXPECT_GT(salvaged, 0);
}

// Found by fuzzing: the search behind the damage found nothing, and was made again for ever.
TEST_F(RecordingTest, ABrokenTreeOfBlocksIsToldOnce) {
  make_recording(path_, 300, 40);
  const std::string whole = bytes_of(path_);
  for (std::size_t page = 1; page * 4096 < whole.size(); ++page) {
    std::string bytes = whole;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(page * 4096), 16, '\xff');
    write_bytes(path_, bytes);
    auto recording = Recording::open(path_);
    if (!recording) continue;
    EXPECT_LT(read_through(**recording, 100).errors.size(), 5u) << "page " << page;
    EXPECT_TRUE((*recording)->monotonic_at(std::numeric_limits<std::int64_t>::max()));
  }
}

TEST_F(RecordingTest, AnOverwrittenPageCostsItsBlocksOnly) {
  constexpr std::uint64_t kSamples = 4096;
  SeriesTable table;
  intern_test_series(table, 20);
  auto recorder = Recorder::create(path_, {}, table, {kSamples, std::size_t{1} << 30});
  ASSERT_TRUE(recorder);
  std::mt19937_64 random(6);
  for (std::uint64_t i = 0; i < kSamples; ++i) {
    Sample sample = test_sample(i, 20);
    for (Point& point : sample.points) point.value = Value::of(random());
    (*recorder)->append(sample);
  }
  ASSERT_TRUE((*recorder)->finish());
  const std::string whole = bytes_of(path_);
  const std::size_t pages = whole.size() / 4096;
  ASSERT_GT(pages, 100u);
  std::size_t unharmed_rest = 0;
  std::size_t tried = 0;
  for (std::size_t page = 0; page < pages; page += 3) {
    ++tried;
    std::string bytes = whole;
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(page * 4096), 4096, '\x5a');
    write_bytes(path_, bytes);
    auto recording = Recording::open(path_);
    if (!recording) continue;
    const ReadThrough through = read_through(**recording, 1000);
    // Blocks hold about 360 of these samples; a page belongs to one block, or to a few.
    if (!through.errors.empty() && through.samples.size() + 1500 >= kSamples) ++unharmed_rest;
  }
  // All but the pages of the head, the small tables and the root of the blocks' tree.
  EXPECT_GE(unharmed_rest + 8, tried);
}

}  // namespace
}  // namespace isotach::record
