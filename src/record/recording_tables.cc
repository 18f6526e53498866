#include "record/recording_tables.h"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

#include "base/text.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

constexpr std::size_t kNameLimitBytes = 256;
constexpr std::size_t kLabelLimit = 32;
constexpr std::size_t kDamageLimit = 16;

void tell(std::vector<std::string>& damage, std::string text) {
  if (damage.size() < kDamageLimit) damage.push_back(std::move(text));
}

bool is_metric_name(std::string_view name) {
  if (name.empty() || name.size() > kNameLimitBytes || (name[0] >= '0' && name[0] <= '9')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == ':';
  });
}

RateDisplay rate_display_from_name(std::string_view name) {
  if (name == "bits_per_second") return RateDisplay::bits_per_second;
  if (name == "share_of_time") return RateDisplay::share_of_time;
  return RateDisplay::per_second;
}

// The statement for one value of info; kept, as there are a dozen of them.
class InfoReader {
 public:
  explicit InfoReader(Statement statement) : statement_(std::move(statement)) {}

  [[nodiscard]] Result<std::string> text(std::string_view key) {
    std::string value;
    auto done = look_up(key, [&] { value = statement_.text(0).value_or(std::string_view()); });
    if (!done) return tl::make_unexpected(std::move(done.error()));
    return value;
  }
  [[nodiscard]] Result<std::int64_t> number(std::string_view key) {
    std::int64_t value = 0;
    auto done = look_up(key, [&] { value = statement_.integer(0).value_or(0); });
    if (!done) return tl::make_unexpected(std::move(done.error()));
    return value;
  }

 private:
  template <class Take>
  Result<void> look_up(std::string_view key, const Take& take) {
    statement_.bind(1, key);
    auto row = statement_.step();
    if (row && *row) take();
    statement_.reset();
    if (!row) return tl::make_unexpected(std::move(row.error()));
    return {};
  }

  Statement statement_;
};

std::uint64_t not_negative(std::int64_t value) {
  return value < 0 ? 0 : static_cast<std::uint64_t>(value);
}

Result<std::vector<std::string>> read_arguments(Database& database) {
  auto rows = database.prepare(
      "SELECT item.value FROM info, json_each(CASE WHEN json_valid(info.value) THEN info.value ELSE '[]' "
      "END) "
      "AS item WHERE info.key = 'arguments'");
  if (!rows) return tl::make_unexpected(std::move(rows.error()));
  std::vector<std::string> arguments;
  while (arguments.size() < kArgumentLimit) {
    auto row = rows->step();
    if (!row) return tl::make_unexpected(std::move(row.error()));
    if (!*row) break;
    arguments.emplace_back(rows->text(0).value_or(std::string_view()));
  }
  return arguments;
}

}  // namespace

Result<RecordingNotes> read_notes(Database& database) {
  auto statement = database.prepare("SELECT value FROM info WHERE key = ?1");
  if (!statement) return tl::make_unexpected(std::move(statement.error()));
  InfoReader reader(std::move(*statement));
  RecordingNotes notes;
  RecordingInfo& info = notes.info;
  const std::pair<std::string_view, std::string*> texts[] = {{"command", &info.command},
                                                             {"program_version", &info.program_version},
                                                             {"host", &info.host},
                                                             {"kernel", &info.kernel}};
  for (const auto& [key, target] : texts) {
    auto value = reader.text(key);
    if (!value) return tl::make_unexpected(std::move(value.error()));
    *target = std::move(*value);
  }
  std::int64_t dropped_samples = 0;
  std::int64_t dropped_events = 0;
  std::int64_t finished = 0;
  const std::pair<std::string_view, std::int64_t*> numbers[] = {
      {"start_monotonic_ns", &info.start.monotonic_ns},
      {"start_wall_ns", &info.start.wall_ns},
      {"interval_ns", &info.interval_ns},
      {"dropped_samples", &dropped_samples},
      {"dropped_events", &dropped_events},
      {"finished", &finished}};
  for (const auto& [key, target] : numbers) {
    auto value = reader.number(key);
    if (!value) return tl::make_unexpected(std::move(value.error()));
    *target = *value;
  }
  info.interval_ns = std::max<std::int64_t>(0, info.interval_ns);
  notes.dropped_samples = not_negative(dropped_samples);
  notes.dropped_events = not_negative(dropped_events);
  notes.finished = finished == 1;
  auto arguments = read_arguments(database);
  if (!arguments) return tl::make_unexpected(std::move(arguments.error()));
  info.arguments = std::move(*arguments);
  return notes;
}

std::vector<Event> read_events(Database& database, std::vector<std::string>& damage) {
  std::vector<Event> events;
  auto rows =
      database.prepare("SELECT monotonic_ns, wall_ns, kind, text FROM event ORDER BY number LIMIT ?1");
  Result<bool> row = false;
  if (rows) {
    rows->bind(1, static_cast<std::int64_t>(kEventLimit));
    for (row = rows->step(); row && *row; row = rows->step()) {
      const auto monotonic_ns = rows->integer(0);
      const auto wall_ns = rows->integer(1);
      const auto kind = rows->text(2);
      const auto text = rows->text(3);
      if (!monotonic_ns || !wall_ns || !kind || !text || text->size() > kEventTextLimitBytes) {
        tell(damage, "an event cannot be read");
        continue;
      }
      events.push_back({{*monotonic_ns, *wall_ns}, event_kind_from_name(*kind), std::string(*text)});
    }
  }
  if (!rows || !row) tell(damage, "some events cannot be read");
  return events;
}

#define ISOTACH_SERIES_COLUMNS \
  "SELECT id, name, unit, kind, help, title, scale, rate_display, counter_bits, labels FROM series "

Result<SeriesReader> SeriesReader::open(Database& database) {
  SeriesReader reader;
  const std::pair<Statement*, const char*> statements[] = {
      {&reader.rows_, ISOTACH_SERIES_COLUMNS "WHERE id >= ?1 ORDER BY id"},
      {&reader.one_, ISOTACH_SERIES_COLUMNS "WHERE id = ?1"},
      {&reader.last_, "SELECT id FROM series ORDER BY id DESC LIMIT 1"},
      {&reader.labels_, "SELECT key, value FROM json_each(?1)"},
  };
  for (const auto& [statement, text] : statements) {
    auto prepared = database.prepare(text);
    if (!prepared) return tl::make_unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }
  return reader;
}

#undef ISOTACH_SERIES_COLUMNS

Result<void> SeriesReader::refresh(SeriesTable& table, std::vector<std::string>& damage) {
  const auto limit = static_cast<std::int64_t>(SeriesTable::kLimit);
  auto row = last_.step();
  const std::int64_t last_id = row && *row ? last_.integer(0).value_or(-1) : -1;
  const bool last_is_known = row.has_value();
  last_.reset();
  if (last_is_known && last_id < static_cast<std::int64_t>(ids_.size())) return {};
  if (last_id >= limit)
    return failure(ErrorKind::failed,
                   "it is damaged: it refers to more than " + std::to_string(limit) + " series");

  Series series;
  rows_.bind(1, static_cast<std::int64_t>(ids_.size()));
  for (row = rows_.step(); row && *row; row = rows_.step()) {
    const std::int64_t id = rows_.integer(0).value_or(-1);
    if (id < static_cast<std::int64_t>(ids_.size()) || id >= limit) break;
    add_stand_ins(table, id, damage);
    if (read_row(series)) {
      add(table, series, damage);
    } else {
      add_stand_ins(table, id + 1, damage);
    }
  }
  rows_.reset();
  // Where the table is broken in the middle, the ids up to the last one keep stand-ins.
  add_stand_ins(table, last_id + 1, damage);
  if (!row) tell(damage, "some series cannot be read");
  return {};
}

bool SeriesReader::read_row(Series& series) {
  const auto name = rows_.text(1);
  const auto unit = rows_.text(2);
  const auto kind = rows_.text(3);
  const auto help = rows_.text(4);
  const auto title = rows_.text(5);
  const auto scale = rows_.real(6);
  const auto rate_display = rows_.text(7);
  const auto counter_bits = rows_.integer(8);
  const auto labels = rows_.text(9);
  if (!name || !unit || !kind || !help || !title || !scale || !rate_display || !counter_bits || !labels)
    return false;
  const std::size_t bytes = name->size() + help->size() + title->size() + labels->size();
  text_bytes_ += bytes;
  if (bytes > kSeriesTextLimitBytes || text_bytes_ > kAllSeriesTextLimitBytes) return false;
  if (!is_metric_name(*name) || !std::isfinite(*scale) || *counter_bits < 1 || *counter_bits > 64)
    return false;
  series.metric = {std::string(*name),
                   unit_from_name(*unit),
                   kind_from_name(*kind),
                   printable(*help),
                   printable(*title),
                   *scale,
                   rate_display_from_name(*rate_display),
                   static_cast<int>(*counter_bits)};
  return read_labels(*labels, series.labels);
}

bool SeriesReader::read_labels(std::string_view json, Labels& labels) {
  labels.clear();
  if (json == "{}") return true;
  labels_.bind(1, json);
  bool readable = true;
  auto row = labels_.step();
  for (; row && *row && readable; row = labels_.step()) {
    const auto name = labels_.text(0);
    const auto value = labels_.text(1);
    readable = name && value && is_metric_name(*name) && labels.size() < kLabelLimit;
    if (readable) labels.emplace_back(*name, *value);
  }
  const bool complete = row.has_value();
  labels_.reset();
  return readable && complete;
}

void SeriesReader::add(SeriesTable& table, const Series& series, std::vector<std::string>& damage) {
  const std::size_t size_before = table.size();
  const auto recorded_id = static_cast<SeriesId>(ids_.size());
  const auto id = table.intern(series.metric, series.labels);
  // A reader may have interned the same series before the recorder did.
  const bool known_twice = id && *id < size_before && std::find(ids_.begin(), ids_.end(), *id) != ids_.end();
  if (!id || known_twice) return add_stand_ins(table, std::int64_t{recorded_id} + 1, damage);
  ids_.push_back(*id);
  same_ids_ = same_ids_ && *id == recorded_id;
}

void SeriesReader::add_stand_ins(SeriesTable& table, std::int64_t until_id,
                                 std::vector<std::string>& damage) {
  while (static_cast<std::int64_t>(ids_.size()) < until_id) {
    const auto recorded_id = static_cast<SeriesId>(ids_.size());
    tell(damage, "series " + std::to_string(recorded_id) + " cannot be read; its values have no name");
    MetricDescriptor unknown;
    unknown.name = "damaged_series_" + std::to_string(recorded_id);
    unknown.help = "A series whose description was damaged";
    const auto id = table.intern(unknown);
    ids_.push_back(id.value_or(recorded_id));
    same_ids_ = same_ids_ && ids_.back() == recorded_id;
  }
}

void SeriesReader::translate(Sample& sample) const {
  if (same_ids_) return;
  for (Point& point : sample.points) point.series = ids_[point.series];
  sample.sort();
}

}  // namespace isotach::record
