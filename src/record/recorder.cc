// How the queue works: append() codes the sample into the open block at once, which makes it about
// ten times smaller and costs less than a copy would save. What waits to be written is thus the part
// of the open block that the thread has not seen yet, and whole blocks that were filled meanwhile.
// The thread keeps a mirror of the open block, takes what was added, and writes the block again.
#include "record/recorder.h"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

#include "base/text.h"
#include "record/recording_format.h"
#include "record/recording_writer.h"

namespace isotach::record {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr auto kCommitDelay = std::chrono::milliseconds(500);
// Another program may hold a lock for a moment; at the end there is no other moment to wait for.
constexpr int kLockedOutLimitAtEnd = 3;
constexpr std::size_t kQueuedEventLimit = 4096;
constexpr std::size_t kSpareBufferLimit = 8;

struct RawBlock {
  BlockHeader header;
  std::string raw;
};

// What one commit writes. Kept when the database is locked, and added to.
struct Batch {
  std::vector<RawBlock> full;
  RawBlock open;  // the mirror of the open block; it stays between commits
  bool open_is_news = false;
  std::vector<Event> events;
  std::uint64_t samples = 0;
  std::size_t bytes = 0;
  std::uint64_t dropped_samples = 0;
  std::uint64_t dropped_events = 0;
  bool last = false;

  [[nodiscard]] bool has_news() const { return !full.empty() || open_is_news || !events.empty(); }
};

}  // namespace

struct Recorder::State {
  State(RecordingWriter file, std::string file_path, const SeriesTable& series_table,
        RecorderLimits queue_limits)
      : writer(std::move(file)), path(std::move(file_path)), table(series_table), limits(queue_limits) {
    encoder.begin(1, 0);
  }

  void run();
  void collect();                      // with the mutex held
  [[nodiscard]] Result<void> write();  // without
  void settle(Result<void> written);   // with the mutex held
  void fail(Error error);
  void wake_if_first();

  // Used by the recorder's thread only, once it runs.
  std::optional<RecordingWriter> writer;
  Batch batch;
  SeriesId written_series = 0;
  std::int64_t written_events = 0;
  int locked_out_at_end = 0;

  const std::string path;
  const SeriesTable& table;
  const RecorderLimits limits;

  mutable std::mutex mutex;
  std::condition_variable changed;
  BlockEncoder encoder;
  std::vector<RawBlock> filled;
  std::vector<std::string> spare_buffers;
  std::vector<Event> events;
  std::optional<SteadyClock::time_point> commit_due;
  std::uint64_t appended = 0;
  std::uint64_t committed = 0;
  std::uint64_t dropped = 0;
  std::uint64_t appended_events = 0;
  std::uint64_t dropped_events = 0;
  std::size_t queued_bytes = 0;
  std::optional<std::int64_t> last_monotonic_ns;
  std::optional<Error> error;
  bool stopping = false;

  std::thread thread;
};

Result<std::unique_ptr<Recorder>> Recorder::create(const std::string& path, const RecordingInfo& info,
                                                   const SeriesTable& table, RecorderLimits limits) {
  auto writer = RecordingWriter::create(path, info);
  if (!writer) return tl::make_unexpected(std::move(writer.error()));
  auto state = std::make_unique<State>(std::move(*writer), path, table, limits);
  // Signals are for the thread that waits for them.
  sigset_t all;
  sigset_t before;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_SETMASK, &all, &before);
  state->thread = std::thread(&State::run, state.get());
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  return std::unique_ptr<Recorder>(new Recorder(std::move(state)));
}

Recorder::Recorder(std::unique_ptr<State> state) : state_(std::move(state)) {}

Recorder::~Recorder() {
  static_cast<void>(finish());
}

void Recorder::append(const Sample& sample) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  const std::uint64_t queued_samples = state.appended - state.committed;
  const bool goes_back = state.last_monotonic_ns && sample.time.monotonic_ns < *state.last_monotonic_ns;
  if (state.error || state.stopping || goes_back || queued_samples >= state.limits.queued_samples ||
      state.queued_bytes >= state.limits.queued_bytes) {
    ++state.dropped;
    return;
  }
  const std::size_t size_before = state.encoder.raw().size();
  state.encoder.append(sample);
  state.queued_bytes += state.encoder.raw().size() - size_before;
  state.last_monotonic_ns = sample.time.monotonic_ns;
  ++state.appended;
  if (state.encoder.is_full()) {
    std::string buffer;
    if (!state.spare_buffers.empty()) {
      buffer = std::move(state.spare_buffers.back());
      state.spare_buffers.pop_back();
    }
    const BlockHeader header = state.encoder.header();
    state.filled.push_back({header, state.encoder.exchange_raw(std::move(buffer))});
    state.encoder.begin(header.number + 1, header.first_sample + header.sample_count);
  }
  state.wake_if_first();
}

void Recorder::append(Event event) {
  State& state = *state_;
  const std::lock_guard lock(state.mutex);
  if (state.error || state.stopping || state.events.size() >= kQueuedEventLimit ||
      state.appended_events >= kEventLimit) {
    ++state.dropped_events;
    return;
  }
  if (event.text.size() > kEventTextLimitBytes) event.text.resize(kEventTextLimitBytes);
  state.events.push_back(std::move(event));
  ++state.appended_events;
  state.wake_if_first();
}

void Recorder::State::wake_if_first() {
  if (commit_due) return;
  commit_due = SteadyClock::now() + kCommitDelay;
  changed.notify_one();
}

void Recorder::State::run() {
  std::unique_lock lock(mutex);
  try {
    for (;;) {
      changed.wait(lock, [&] { return stopping || commit_due; });
      if (!stopping) {
        const SteadyClock::time_point due = *commit_due;
        changed.wait_until(lock, due, [&] { return stopping; });
      }
      collect();
      lock.unlock();
      Result<void> written = write();
      lock.lock();
      const bool last = batch.last;
      settle(std::move(written));
      if (error || (last && !batch.has_news() && !commit_due)) break;
    }
  } catch (const std::exception& exception) {
    if (!lock.owns_lock()) lock.lock();
    fail({ErrorKind::failed, 0, std::string("recording ran out of resources: ") + exception.what(), {}});
  }
  lock.unlock();
  // Closing the last connection moves the -wal file's content into the recording and removes it.
  writer.reset();
}

void Recorder::State::collect() {
  for (RawBlock& block : filled) batch.full.push_back(std::move(block));
  filled.clear();
  const BlockHeader& header = encoder.header();
  RawBlock& mirror = batch.open;
  if (mirror.header.number != header.number) {
    mirror.raw.clear();
    mirror.header = {};
    batch.open_is_news = false;  // it is among the full ones now
  }
  if (mirror.header.sample_count != header.sample_count) batch.open_is_news = true;
  mirror.header = header;
  mirror.raw.append(encoder.raw(), mirror.raw.size(), std::string::npos);
  for (Event& event : events) batch.events.push_back(std::move(event));
  events.clear();
  batch.samples = appended;
  batch.bytes = queued_bytes;
  batch.dropped_samples = dropped;
  batch.dropped_events = dropped_events;
  batch.last = stopping;
  commit_due.reset();
}

Result<void> Recorder::State::write() {
  if (!batch.has_news() && !batch.last) return {};
  if (auto done = writer->begin(); !done) return done;
  // Every series that a block refers to was interned before its sample was appended.
  const std::size_t known_series = table.size();
  for (auto id = written_series; id < known_series; ++id)
    if (auto done = writer->put_series(id, table.at(id)); !done) return done;
  for (const RawBlock& block : batch.full)
    if (auto done = writer->put_block(block.header, block.raw); !done) return done;
  if (batch.open_is_news) {
    if (auto done = writer->put_block(batch.open.header, batch.open.raw); !done) return done;
  }
  std::int64_t number = written_events;
  for (const Event& event : batch.events)
    if (auto done = writer->put_event(++number, event); !done) return done;
  const std::pair<std::string_view, std::uint64_t> counts[] = {{"dropped_samples", batch.dropped_samples},
                                                               {"dropped_events", batch.dropped_events}};
  for (const auto& [key, count] : counts) {
    if (count == 0) continue;
    if (auto done = writer->put_info(key, static_cast<std::int64_t>(count)); !done) return done;
  }
  if (batch.last) {
    if (auto done = writer->put_info("finished", 1); !done) return done;
  }
  if (auto done = writer->commit(); !done) return done;
  written_series = static_cast<SeriesId>(known_series);
  written_events = number;
  return {};
}

void Recorder::State::settle(Result<void> written) {
  if (!written) {
    const bool locked_out = writer->is_locked_out();
    writer->roll_back();
    if (!locked_out || (batch.last && ++locked_out_at_end >= kLockedOutLimitAtEnd))
      return fail(std::move(written.error()));
    if (!commit_due) commit_due = SteadyClock::now() + kCommitDelay;
    return;
  }
  committed = batch.samples;
  queued_bytes -= batch.bytes;
  for (RawBlock& block : batch.full)
    if (spare_buffers.size() < kSpareBufferLimit) spare_buffers.push_back(std::move(block.raw));
  batch.full.clear();
  batch.open_is_news = false;
  batch.events.clear();
}

void Recorder::State::fail(Error cause) {
  if (!cause.remedy.empty()) cause.remedy += "; ";
  cause.remedy += std::to_string(committed) + " samples are safe in " + printable(path);
  error = std::move(cause);
  dropped += appended - committed;
  filled.clear();
  batch = {};
}

std::optional<Error> Recorder::error() const {
  const std::lock_guard lock(state_->mutex);
  return state_->error;
}

std::uint64_t Recorder::appended_samples() const {
  const std::lock_guard lock(state_->mutex);
  return state_->appended;
}

std::uint64_t Recorder::committed_samples() const {
  const std::lock_guard lock(state_->mutex);
  return state_->committed;
}

std::uint64_t Recorder::dropped_samples() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped;
}

std::uint64_t Recorder::dropped_events() const {
  const std::lock_guard lock(state_->mutex);
  return state_->dropped_events;
}

Result<void> Recorder::finish() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
    state_->changed.notify_one();
  }
  if (state_->thread.joinable()) state_->thread.join();
  const std::lock_guard lock(state_->mutex);
  if (state_->error) return tl::make_unexpected(*state_->error);
  return {};
}

}  // namespace isotach::record
