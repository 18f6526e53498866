#include "record/recording.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "base/text.h"
#include "record/block.h"
#include "record/block_store.h"
#include "record/recording_file.h"
#include "record/recording_format.h"
#include "record/recording_tables.h"

namespace isotach::record {
namespace {

constexpr std::int64_t kBeforeAll = std::numeric_limits<std::int64_t>::min();

}  // namespace

struct Recording::State {
  State(Database opened, std::string file_path, std::uint64_t bytes)
      : database(std::move(opened)), path(std::move(file_path)), size_bytes(bytes) {}

  Database database;  // first: the statements of the others must go before it
  const std::string path;
  const std::uint64_t size_bytes;
  RecordingNotes notes;
  SeriesTable table;
  std::optional<SeriesReader> series;
  std::optional<BlockStore> blocks;
  std::vector<Event> events;
  std::vector<std::string> damage;
  std::optional<BlockHeader> first_block;
  std::optional<BlockHeader> last_block;

  // Where next() stands.
  BlockDecoder decoder;
  BlockHeader current;                      // number 0: none yet
  bool decoding = false;                    // current has samples left
  std::uint32_t taken = 0;                  // samples of current that are behind
  std::int64_t next_number = 1;             // the block after current
  std::int64_t behind_ns = kBeforeAll;      // monotonic time that samples must not go back behind
  std::int64_t skip_until_ns = kBeforeAll;  // samples before this are passed over: the rest of a seek

  Result<void> load();
  Result<bool> decode(Sample& sample);
  Result<bool> load_block();
  [[nodiscard]] bool has_grown();
  Result<void> go_to_block(std::int64_t Instant::*clock, std::int64_t time_ns);
};

Result<std::unique_ptr<Recording>> Recording::open(const std::string& path) {
  auto opened = open_recording_file(path);
  if (!opened) return tl::make_unexpected(std::move(opened.error()));
  auto state = std::make_unique<State>(std::move(opened->database), path, opened->size_bytes);
  if (auto loaded = state->load(); !loaded) return tl::make_unexpected(std::move(loaded.error()));
  return std::unique_ptr<Recording>(new Recording(std::move(state)));
}

Recording::Recording(std::unique_ptr<State> state) : state_(std::move(state)) {}
Recording::~Recording() = default;

Result<void> Recording::State::load() {
  auto read = read_notes(database);
  if (!read) return tl::make_unexpected(std::move(read.error()));
  notes = std::move(*read);
  auto series_reader = SeriesReader::open(database);
  if (!series_reader) return tl::make_unexpected(std::move(series_reader.error()));
  series = std::move(*series_reader);
  if (auto refreshed = series->refresh(table, damage); !refreshed) return refreshed;
  events = read_events(database, damage);
  auto store = BlockStore::open(database, path, size_bytes);
  if (!store) return tl::make_unexpected(std::move(store.error()));
  blocks = std::move(*store);

  auto last = blocks->find_last_head();
  if (!last) return tl::make_unexpected(std::move(last.error()));
  last_block = *last;
  // Where the first blocks cannot be read the recording begins with the first that can.
  for (std::int64_t number = 1; last_block && number <= last_block->number;) {
    if (auto head = blocks->find_head(number); head) {
      first_block = *head;
      break;
    }
    const auto block = blocks->load(number);  // for the number to go on with
    if (block && *block) break;
  }
  return {};
}

const RecordingInfo& Recording::info() const {
  return state_->notes.info;
}
SeriesTable& Recording::table() {
  return state_->table;
}
const std::vector<Event>& Recording::events() const {
  return state_->events;
}
std::uint64_t Recording::dropped_samples() const {
  return state_->notes.dropped_samples;
}
std::uint64_t Recording::dropped_events() const {
  return state_->notes.dropped_events;
}
bool Recording::finished() const {
  return state_->notes.finished;
}
std::uint64_t Recording::size_bytes() const {
  return state_->size_bytes;
}
const std::vector<std::string>& Recording::damage() const {
  return state_->damage;
}

std::uint64_t Recording::sample_count() const {
  const auto& last = state_->last_block;
  return last ? last->first_sample + last->sample_count : 0;
}

std::optional<Instant> Recording::first_time() const {
  if (!state_->first_block) return std::nullopt;
  return state_->first_block->first;
}

std::optional<Instant> Recording::last_time() const {
  if (!state_->last_block) return std::nullopt;
  return state_->last_block->last;
}

Result<bool> Recording::next(Sample& sample) {
  State& state = *state_;
  for (;;) {
    if (state.decoding) {
      auto decoded = state.decode(sample);
      if (!decoded) return decoded;
      if (*decoded) {
        if (sample.time.monotonic_ns < state.skip_until_ns) continue;
        return true;
      }
    }
    auto loaded = state.load_block();
    if (!loaded || !*loaded) return loaded;
  }
}

Result<bool> Recording::State::decode(Sample& sample) {
  auto decoded = decoder.next(sample);
  if (!decoded) {
    decoding = false;
    taken = current.sample_count;
    return blocks->damaged(current.number, decoded.error().doing);
  }
  if (!*decoded) {
    decoding = false;
    return false;
  }
  ++taken;
  behind_ns = sample.time.monotonic_ns;
  series->translate(sample);
  return true;
}

// The newest block of a living recording is written again with more samples until it is full.
bool Recording::State::has_grown() {
  if (current.number == 0 || current.sample_count >= kBlockFullSamples ||
      current.raw_bytes >= kBlockFullBytes)
    return false;
  const auto head = blocks->find_head(current.number);
  return head && *head && (*head)->number == current.number && (*head)->sample_count > current.sample_count;
}

Result<bool> Recording::State::load_block() {
  bool grown = has_grown();
  std::int64_t number = grown ? current.number : next_number;
  auto loaded = blocks->load(number);
  // Between these two looks the recorder may have filled the current block and begun the next. Once
  // the next one is there the current one is complete, so a second look is enough.
  if (!grown && loaded && *loaded && has_grown()) {
    grown = true;
    number = current.number;
    loaded = blocks->load(number);
  }
  if (!loaded) {
    next_number = std::max(next_number, number);
    current = {};
    return tl::make_unexpected(std::move(loaded.error()));
  }
  if (!*loaded) return false;
  const BlockStore::Block& block = **loaded;
  const std::uint32_t skipped = grown && block.header.number == current.number ? taken : 0;
  current = block.header;
  next_number = current.number + 1;
  taken = 0;
  if (skipped == 0 && current.first.monotonic_ns < behind_ns)
    return blocks->damaged(current.number, "it goes back in time");
  if (auto refreshed = series->refresh(table, damage); !refreshed)
    return tl::make_unexpected(refreshed.error());
  if (!last_block || current.number >= last_block->number) last_block = current;
  if (!first_block) first_block = current;
  decoder.begin(current, block.raw, series->size());
  decoding = true;
  Sample passed;
  while (taken < skipped) {
    auto decoded = decode(passed);
    if (!decoded) return decoded;
    if (!*decoded) break;
  }
  return true;
}

// The first block whose last sample is not before `time_ns`; the last block where there is none. The
// first one in a damaged file, where next() then goes through all of them.
Result<void> Recording::State::go_to_block(std::int64_t Instant::*clock, std::int64_t time_ns) {
  decoding = false;
  current = {};
  taken = 0;
  behind_ns = kBeforeAll;
  skip_until_ns = kBeforeAll;
  next_number = 1;
  const auto last = blocks->find_last_head();
  if (!last) return tl::make_unexpected(last.error());
  if (!*last) return {};
  last_block = **last;
  std::int64_t low = 1;
  std::int64_t high = (*last)->number;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    const auto head = blocks->find_head(middle);
    if (!head) return {};
    // Numbers may have gaps.
    if (!*head || (*head)->last.*clock >= time_ns) {
      high = middle;
    } else {
      low = (*head)->number + 1;
    }
  }
  next_number = std::min(low, (*last)->number);
  return {};
}

Result<void> Recording::seek(std::int64_t monotonic_ns) {
  auto done = state_->go_to_block(&Instant::monotonic_ns, monotonic_ns);
  state_->skip_until_ns = monotonic_ns;
  return done;
}

Result<std::int64_t> Recording::monotonic_at(std::int64_t wall_ns) {
  if (auto done = state_->go_to_block(&Instant::wall_ns, wall_ns); !done)
    return tl::make_unexpected(std::move(done.error()));
  Sample sample;
  std::int64_t last_ns = 0;
  for (;;) {
    const auto got = next(sample);
    if (!got) continue;  // whoever reads on will be told
    if (!*got) return last_ns == std::numeric_limits<std::int64_t>::max() ? last_ns : last_ns + 1;
    if (sample.time.wall_ns >= wall_ns) return sample.time.monotonic_ns;
    last_ns = sample.time.monotonic_ns;
  }
}

}  // namespace isotach::record
