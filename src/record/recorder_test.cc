#include "record/recorder.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <random>
#include <thread>

#include "base/clock.h"
#include "base/fd.h"
#include "base/wait.h"
#include "record/recording.h"
#include "record/recording_fixture.h"

namespace isotach::record {
namespace {

// Turns until `done` says so; false when it takes longer than any healthy machine needs.
template <class Done>
bool eventually(const Done& done) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!done()) {
    if (std::chrono::steady_clock::now() > give_up) return false;
    std::this_thread::yield();
  }
  return true;
}

TEST(Recorder, WhatIsWrittenIsReadBack) {
  const std::string path = fresh_path("round-trip");
  SeriesTable table;
  MetricDescriptor ticks{"cpu_user_seconds",
                         Unit::seconds,
                         MetricKind::counter,
                         "Time in \"programs\"",
                         "user",
                         0.01,
                         RateDisplay::share_of_time,
                         32};
  table.intern(ticks, {{"cpu", "0"}, {"odd", "a\"b\\c\nd\x01\xff/é"}});
  table.intern(test_metric("memory_free_bytes", MetricKind::gauge));
  RecordingInfo info{"vm", {"-w", "0.5", "say \"hi\"\n"}, "1.2.3", "host", "6.1.0", {123, 456}, 500'000'000};
  auto recorder = Recorder::create(path, info, table);
  ASSERT_TRUE(recorder) << recorder.error().message();
  std::vector<Sample> samples;
  for (std::uint64_t i = 0; i < 1000; ++i) samples.push_back(test_sample(i, 2));
  for (const Sample& sample : samples) (*recorder)->append(sample);
  (*recorder)->append(Event{{7, 8}, EventKind::peak, "as high as it gets"});
  ASSERT_TRUE((*recorder)->finish());
  EXPECT_TRUE((*recorder)->finish());  // a second time does nothing
  EXPECT_EQ((*recorder)->appended_samples(), 1000u);
  EXPECT_EQ((*recorder)->committed_samples(), 1000u);
  EXPECT_EQ((*recorder)->dropped_samples(), 0u);
  // One file: what stood beside it is gone.
  EXPECT_NE(::access((path + "-wal").c_str(), F_OK), 0);
  EXPECT_NE(::access((path + "-shm").c_str(), F_OK), 0);

  auto recording = Recording::open(path);
  ASSERT_TRUE(recording) << recording.error().message();
  Recording& read = **recording;
  EXPECT_EQ(read.info().command, "vm");
  EXPECT_EQ(read.info().arguments, info.arguments);
  EXPECT_EQ(read.info().program_version, "1.2.3");
  EXPECT_EQ(read.info().host, "host");
  EXPECT_EQ(read.info().kernel, "6.1.0");
  EXPECT_EQ(read.info().start.monotonic_ns, 123);
  EXPECT_EQ(read.info().start.wall_ns, 456);
  EXPECT_EQ(read.info().interval_ns, 500'000'000);
  EXPECT_TRUE(read.finished());
  EXPECT_TRUE(read.damage().empty());
  EXPECT_EQ(read.sample_count(), 1000u);
  EXPECT_EQ(read.first_time()->monotonic_ns, samples.front().time.monotonic_ns);
  EXPECT_EQ(read.last_time()->wall_ns, samples.back().time.wall_ns);
  ASSERT_EQ(read.events().size(), 1u);
  EXPECT_EQ(read.events()[0].kind, EventKind::peak);
  EXPECT_EQ(read.events()[0].text, "as high as it gets");
  ASSERT_EQ(read.table().size(), 2u);
  const Series& series = read.table().at(0);
  EXPECT_EQ(series.key(), table.at(0).key());
  EXPECT_EQ(series.labels, table.at(0).labels);
  EXPECT_EQ(series.metric.unit, Unit::seconds);
  EXPECT_EQ(series.metric.kind, MetricKind::counter);
  EXPECT_EQ(series.metric.help, ticks.help);
  EXPECT_EQ(series.metric.title, "user");
  EXPECT_EQ(series.metric.scale, 0.01);
  EXPECT_EQ(series.metric.rate_display, RateDisplay::share_of_time);
  EXPECT_EQ(series.metric.counter_bits, 32);
  const ReadThrough through = read_through(read);
  EXPECT_TRUE(through.errors.empty());
  ASSERT_EQ(through.samples.size(), samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) ASSERT_TRUE(equal(through.samples[i], samples[i])) << i;
  remove_recording(path);
}

TEST(Recorder, NeverOverwrites) {
  const std::string path = fresh_path("exists");
  write_bytes(path, "precious");
  SeriesTable table;
  const auto recorder = Recorder::create(path, {}, table);
  ASSERT_FALSE(recorder);
  EXPECT_NE(recorder.error().message().find("exists already"), std::string::npos);
  EXPECT_NE(recorder.error().remedy.find("rm "), std::string::npos);
  EXPECT_EQ(bytes_of(path), "precious");
  remove_recording(path);
}

TEST(Recorder, NamesTheMissingFolder) {
  SeriesTable table;
  const auto recorder = Recorder::create(testing::TempDir() + "no/such/folder/x", {}, table);
  ASSERT_FALSE(recorder);
  EXPECT_EQ(recorder.error().errno_value, ENOENT);
  EXPECT_NE(recorder.error().remedy.find("mkdir -p"), std::string::npos);
  EXPECT_FALSE(Recorder::create("", {}, table));
  EXPECT_FALSE(Recorder::create(testing::TempDir(), {}, table));
}

TEST(Recorder, ForgetsTheWalFileOfARecordingThatIsGone) {
  const std::string path = fresh_path("stale");
  write_bytes(path + "-wal", "left behind");
  make_recording(path, 10, 3);
  auto recording = Recording::open(path);
  ASSERT_TRUE(recording) << recording.error().message();
  EXPECT_EQ(read_through(**recording).samples.size(), 10u);
  remove_recording(path);
}

TEST(Recorder, SamplesThatGoBackInTimeAreDropped) {
  const std::string path = fresh_path("backwards");
  SeriesTable table;
  intern_test_series(table, 2);
  auto recorder = Recorder::create(path, {}, table);
  ASSERT_TRUE(recorder);
  for (const std::uint64_t number : {5, 4, 5, 6, 1}) (*recorder)->append(test_sample(number, 2));
  ASSERT_TRUE((*recorder)->finish());
  EXPECT_EQ((*recorder)->dropped_samples(), 2u);
  auto recording = Recording::open(path);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->sample_count(), 3u);
  EXPECT_EQ((*recording)->dropped_samples(), 2u);
  remove_recording(path);
}

TEST(Recorder, EventsAreBounded) {
  const std::string path = fresh_path("events");
  SeriesTable table;
  auto recorder = Recorder::create(path, {}, table);
  ASSERT_TRUE(recorder);
  (*recorder)->append(Event{{}, EventKind::mark, std::string(100000, 'x')});
  std::uint64_t sent = 1;
  // Faster than any disk: the queue of events must overflow, and nothing else.
  for (; (*recorder)->dropped_events() == 0 && sent < 1'000'000; ++sent)
    (*recorder)->append(Event{{}, EventKind::mark, "mark"});
  ASSERT_TRUE((*recorder)->finish());
  auto recording = Recording::open(path);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->events().front().text, std::string(1024, 'x'));
  EXPECT_GT((*recording)->dropped_events(), 0u);
  EXPECT_EQ((*recording)->events().size() + (*recording)->dropped_events(), sent);
  remove_recording(path);
}

// A lock of another program stops the writing for a while: the queue fills, overflows, and what it
// held is written once the lock is gone.
TEST(Recorder, AFullQueueDropsCountsAndRecovers) {
  const std::string path = fresh_path("locked");
  SeriesTable table;
  intern_test_series(table, 3);
  auto recorder = Recorder::create(path, {}, table, {100, 1 << 20});
  ASSERT_TRUE(recorder);
  sqlite3* other = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &other), SQLITE_OK);
  ASSERT_EQ(sqlite3_exec(other, "BEGIN IMMEDIATE", nullptr, nullptr, nullptr), SQLITE_OK);
  for (std::uint64_t i = 0; i < 150; ++i) (*recorder)->append(test_sample(i, 3));
  EXPECT_EQ((*recorder)->appended_samples(), 100u);
  EXPECT_EQ((*recorder)->dropped_samples(), 50u);
  ASSERT_EQ(sqlite3_exec(other, "ROLLBACK", nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(other);
  ASSERT_TRUE(eventually([&] { return (*recorder)->committed_samples() == 100; }));
  for (std::uint64_t i = 150; i < 160; ++i) (*recorder)->append(test_sample(i, 3));
  const auto finished = (*recorder)->finish();
  ASSERT_TRUE(finished) << finished.error().message();
  auto recording = Recording::open(path);
  ASSERT_TRUE(recording);
  EXPECT_EQ((*recording)->dropped_samples(), 50u);
  const ReadThrough through = read_through(**recording);
  ASSERT_EQ(through.samples.size(), 110u);
  EXPECT_TRUE(equal(through.samples[99], test_sample(99, 3)));
  EXPECT_TRUE(equal(through.samples[100], test_sample(150, 3)));
  remove_recording(path);
}

TEST(Recorder, BytesInTheQueueAreBoundedToo) {
  const std::string path = fresh_path("bytes");
  SeriesTable table;
  intern_test_series(table, 1000);
  auto recorder = Recorder::create(path, {}, table, {1'000'000, 10'000});
  ASSERT_TRUE(recorder);
  // The first sample alone takes 1000 points of several bytes.
  for (std::uint64_t i = 0; i < 1000; ++i) (*recorder)->append(test_sample(i, 1000));
  EXPECT_GT((*recorder)->dropped_samples(), 0u);
  EXPECT_EQ((*recorder)->appended_samples() + (*recorder)->dropped_samples(), 1000u);
  ASSERT_TRUE((*recorder)->finish());
  remove_recording(path);
}

TEST(Recorder, TheEndOfTheFileSystemIsAnErrorAndWhatWasCommittedStays) {
  const std::string path = fresh_path("limit");
  const pid_t child = ::fork();
  if (child == 0) {
    // The largest size of a file stands for a full disk: write() fails with EFBIG in the middle.
    ::signal(SIGXFSZ, SIG_IGN);
    SeriesTable table;
    intern_test_series(table, 50);
    auto recorder = Recorder::create(path, {}, table);
    if (!recorder) ::_exit(10);
    for (std::uint64_t i = 0; i < 300; ++i) (*recorder)->append(test_sample(i, 50));
    if (!eventually([&] { return (*recorder)->committed_samples() == 300; })) ::_exit(11);
    struct stat wal {};
    ::stat((path + "-wal").c_str(), &wal);
    const rlimit limit = {static_cast<rlim_t>(wal.st_size), static_cast<rlim_t>(wal.st_size)};
    ::setrlimit(RLIMIT_FSIZE, &limit);
    for (std::uint64_t i = 300; i < 5000; ++i) (*recorder)->append(test_sample(i, 50));
    if (!eventually([&] { return (*recorder)->error().has_value(); })) ::_exit(12);
    (*recorder)->append(test_sample(6000, 50));
    if ((*recorder)->dropped_samples() != 4701) ::_exit(13);
    const auto finished = (*recorder)->finish();
    if (finished || finished.error().remedy.find("300 samples are safe") == std::string::npos) ::_exit(14);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFEXITED(status));
  EXPECT_EQ(WEXITSTATUS(status), 0);
  auto recording = Recording::open(path);
  ASSERT_TRUE(recording) << recording.error().message();
  const ReadThrough through = read_through(**recording);
  EXPECT_TRUE(through.errors.empty());
  ASSERT_EQ(through.samples.size(), 300u);
  EXPECT_TRUE(equal(through.samples[299], test_sample(299, 50)));
  remove_recording(path);
}

// Appends a sample each millisecond, and tells the time of each to `pipe`.
[[noreturn]] void record_until_killed(const std::string& path, const Fd& pipe) {
  SeriesTable table;
  intern_test_series(table, 100);
  SystemClock clock;
  SignalWaiter waiter;
  auto recorder = Recorder::create(path, {}, table);
  if (!recorder) ::_exit(1);
  for (std::uint64_t i = 0;; ++i) {
    Sample sample = test_sample(i, 100);
    sample.time = clock.now();
    (*recorder)->append(sample);
    const std::int64_t time_ns = sample.time.monotonic_ns;
    if (!write_all(pipe.get(), {reinterpret_cast<const char*>(&time_ns), sizeof(time_ns)})) ::_exit(1);
    if (waiter.wait_until(time_ns + 1'000'000) == Wake::interrupted) ::_exit(1);
  }
}

bool read_time(const Fd& pipe, std::int64_t& time_ns) {
  return ::read(pipe.get(), &time_ns, sizeof(time_ns)) == static_cast<ssize_t>(sizeof(time_ns));
}

// The promise is one second between the last sample that was appended and the last that is read.
// The recorder aims at half of it; the other half is for the scheduler and the disk.
TEST(Recorder, KillLosesAtMostTheLastSecond) {
  constexpr std::int64_t kPromiseNs = 1'000'000'000;
  std::mt19937_64 random(20261123);
  for (int round = 0; round < 4; ++round) {
    const std::string path = fresh_path("killed");
    int ends[2];
    ASSERT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    Fd reading(ends[0]);
    Fd writing(ends[1]);
    const pid_t child = ::fork();
    if (child == 0) {
      reading.reset();
      record_until_killed(path, writing);
    }
    writing.reset();
    const auto samples_to_wait_for = 1 + random() % 1200;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    for (std::uint64_t i = 0; i < samples_to_wait_for; ++i) {
      ASSERT_TRUE(read_time(reading, last_ns));
      if (i == 0) first_ns = last_ns;
    }
    ::kill(child, SIGKILL);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    for (std::int64_t time_ns = 0; read_time(reading, time_ns);) last_ns = time_ns;

    auto recording = Recording::open(path);
    ASSERT_TRUE(recording) << recording.error().message();
    EXPECT_FALSE((*recording)->finished());
    const ReadThrough through = read_through(**recording);
    EXPECT_TRUE(through.errors.empty());
    const std::int64_t read_ns =
        through.samples.empty() ? first_ns : through.samples.back().time.monotonic_ns;
    EXPECT_LE(last_ns - read_ns, kPromiseNs)
        << "round " << round << ", samples read " << through.samples.size();
    remove_recording(path);
  }
}

// One thread appends, the recorder writes, two readers read along, one of them seeks: for
// ThreadSanitizer, and for the promise that a reader sees a sample at most once and in order.
TEST(Recorder, ReadersFollowARunningRecorder) {
  const std::string path = fresh_path("followed");
  constexpr std::uint64_t kSamples = 20'000;
  SeriesTable table;
  intern_test_series(table, 10);
  auto recorder = Recorder::create(path, {}, table, {kSamples, std::size_t{1} << 30});
  ASSERT_TRUE(recorder);
  std::atomic<bool> finished = false;
  std::thread producer([&] {
    for (std::uint64_t i = 0; i < kSamples; ++i) {
      // Series appear while it runs.
      if (i % 2000 == 0) table.intern(test_metric("late_" + std::to_string(i) + "_bytes"));
      (*recorder)->append(test_sample(i, static_cast<SeriesId>(10 + i / 2000)));
      if (i % 1000 == 0) (*recorder)->append(Event{{}, EventKind::mark, "mark"});
      if (i != kSamples / 2) continue;
      EXPECT_TRUE(eventually([&] { return (*recorder)->committed_samples() > i; }));
    }
    EXPECT_TRUE((*recorder)->finish());
    finished = true;
  });
  const auto follow = [&] {
    auto recording = Recording::open(path);
    ASSERT_TRUE(recording) << recording.error().message();
    // A reader that has series of its own must not confuse them with those that come later.
    (*recording)->table().intern(test_metric("derived_bytes"));
    Sample sample;
    std::uint64_t read = 0;
    ASSERT_TRUE(eventually([&] {
      const bool was_finished = finished;
      for (;;) {
        const auto got = (*recording)->next(sample);
        EXPECT_TRUE(got) << got.error().message();
        if (!got) return true;
        if (!*got) return was_finished;
        const Sample expected = test_sample(read, static_cast<SeriesId>(10 + read / 2000));
        EXPECT_EQ(sample.time.monotonic_ns, expected.time.monotonic_ns);
        EXPECT_EQ(sample.points.size(), expected.points.size());
        const auto id = (*recording)->table().find("test_3_bytes");
        const Value* value = id ? sample.find(*id) : nullptr;
        EXPECT_TRUE(value != nullptr && *value == *expected.find(3));
        ++read;
      }
    }));
    EXPECT_EQ(read, kSamples);
  };
  std::thread follower(follow);
  std::thread seeker([&] {
    while (!finished) {
      auto recording = Recording::open(path);
      ASSERT_TRUE(recording) << recording.error().message();
      const std::uint64_t wanted = (*recording)->sample_count() / 2;
      ASSERT_TRUE((*recording)->seek(test_sample(wanted, 0).time.monotonic_ns));
      Sample sample;
      const auto got = (*recording)->next(sample);
      ASSERT_TRUE(got);
      if (!*got) continue;
      EXPECT_EQ(sample.time.monotonic_ns, test_sample(wanted, 0).time.monotonic_ns);
    }
  });
  producer.join();
  follower.join();
  seeker.join();
  remove_recording(path);
}

}  // namespace
}  // namespace isotach::record
