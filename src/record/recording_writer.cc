#include "record/recording_writer.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <climits>
#include <cstdlib>
#include <memory>
#include <utility>

#include "base/fd.h"
#include "base/text.h"
#include "record/recording_format.h"

namespace isotach::record {
namespace {

// JSON text; bytes that are no UTF-8 pass as they are, so that odd names survive.
void put_json_string(std::string& out, std::string_view text) {
  static constexpr char kDigits[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20) {
      out += "\\u00";
      out += kDigits[byte >> 4];
      out += kDigits[byte & 15];
      continue;
    }
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

std::string_view rate_display_name(RateDisplay display) {
  switch (display) {
    case RateDisplay::bits_per_second:
      return "bits_per_second";
    case RateDisplay::share_of_time:
      return "share_of_time";
    case RateDisplay::per_second:
      break;
  }
  return "per_second";
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

// Makes an empty file and gives its absolute name.
Result<std::string> create_file(const std::string& path) {
  const std::string name = printable(path);
  if (path.empty()) return failure(ErrorKind::usage, "a recording needs the name of a file");
  Fd fd(::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666));
  if (!fd.is_open()) {
    const int reason = errno;
    if (reason == EEXIST)
      return failure(ErrorKind::failed, name + " exists already; a recording never overwrites",
                     "choose another name, or remove it first: rm '" + name + "'");
    if (reason == ENOENT)
      return system_failure(reason, "create " + name,
                            "make the folder first: mkdir -p '" + printable(folder_of(path)) + "'");
    if (reason == EACCES || reason == EROFS)
      return system_failure(reason, "create " + name, "name a file in a folder that you may write to");
    return system_failure(reason, "create " + name);
  }
  std::unique_ptr<char, void (*)(void*)> absolute(::realpath(path.c_str(), nullptr), std::free);
  if (absolute == nullptr) return system_failure(errno, "create " + name);
  return std::string(absolute.get());
}

}  // namespace

Result<RecordingWriter> RecordingWriter::create(const std::string& path, const RecordingInfo& info) {
  auto absolute = create_file(path);
  if (!absolute) return tl::make_unexpected(std::move(absolute.error()));
  const auto give_up = [&](Error& error) {
    for (const char* suffix : {"", "-wal", "-shm", "-journal"}) ::unlink((*absolute + suffix).c_str());
    return tl::make_unexpected(std::move(error));
  };
  auto database = Database::open(*absolute, Database::Mode::read_write);
  if (!database) return give_up(database.error());
  RecordingWriter writer(std::move(*database));
  if (auto made = writer.make_tables(info); !made) return give_up(made.error());
  return writer;
}

Result<void> RecordingWriter::make_tables(const RecordingInfo& info) {
  // The tables are made before the file turns to WAL mode, so that they stand in the file itself
  // and not only in the -wal file beside it.
  std::string sql = "PRAGMA application_id=" + std::to_string(kApplicationId) +
                    "; PRAGMA user_version=" + std::to_string(kFormatVersion) + "; BEGIN IMMEDIATE;" +
                    std::string(kSchema);
  if (auto done = database_.execute(sql.c_str()); !done) return done;

  const std::pair<Statement*, const char*> statements[] = {
      {&begin_, "BEGIN IMMEDIATE"},
      {&commit_, "COMMIT"},
      {&block_, "INSERT OR REPLACE INTO block VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"},
      {&series_, "INSERT INTO series VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)"},
      {&event_, "INSERT INTO event VALUES(?1,?2,?3,?4,?5)"},
      {&info_, "INSERT OR REPLACE INTO info VALUES(?1,?2)"},
  };
  for (const auto& [statement, text] : statements) {
    auto prepared = database_.prepare(text);
    if (!prepared) return tl::make_unexpected(std::move(prepared.error()));
    *statement = std::move(*prepared);
  }

  std::string arguments = "[";
  for (const std::string& argument : info.arguments) {
    if (arguments.size() > 1) arguments += ',';
    put_json_string(arguments, argument);
  }
  arguments += ']';
  const std::pair<std::string_view, std::string_view> texts[] = {
      {"command", info.command}, {"arguments", arguments}, {"program_version", info.program_version},
      {"host", info.host},       {"kernel", info.kernel},
  };
  for (const auto& [key, value] : texts)
    if (auto done = put_info(key, value); !done) return done;
  const std::pair<std::string_view, std::int64_t> numbers[] = {
      {"start_monotonic_ns", info.start.monotonic_ns},
      {"start_wall_ns", info.start.wall_ns},
      {"interval_ns", info.interval_ns},
      {"dropped_samples", 0},
      {"dropped_events", 0},
      {"finished", 0},
  };
  for (const auto& [key, value] : numbers)
    if (auto done = put_info(key, value); !done) return done;
  if (auto done = commit(); !done) return done;
  // NORMAL: a commit is safe against the end of this process as soon as it returns; against a power
  // cut once the next checkpoint has been synced. The file is consistent in either case.
  if (auto done = database_.execute(
          "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA journal_size_limit=8388608;");
      !done)
    return done;
  // The first write in WAL mode makes the -wal file, by which readers tell a living recording.
  return put_info("finished", 0);
}

Result<void> RecordingWriter::begin() {
  return begin_.run();
}

Result<void> RecordingWriter::commit() {
  return commit_.run();
}

// A failed statement may have rolled back by itself; then there is nothing to do, which is no error.
void RecordingWriter::roll_back() {
  static_cast<void>(database_.execute("ROLLBACK"));
}

Result<void> RecordingWriter::put_block(const BlockHeader& header, std::string_view raw) {
  const std::string_view data = compressor_->compress(raw);
  block_.bind(1, header.number);
  block_.bind(2, static_cast<std::int64_t>(header.first_sample));
  block_.bind(3, std::int64_t{header.sample_count});
  block_.bind(4, header.first.monotonic_ns);
  block_.bind(5, header.first.wall_ns);
  block_.bind(6, header.last.monotonic_ns);
  block_.bind(7, header.last.wall_ns);
  block_.bind(8, std::int64_t{header.raw_bytes});
  block_.bind(9, static_cast<std::int64_t>(block_checksum(header, data)));
  block_.bind_blob(10, data);
  return block_.run();
}

Result<void> RecordingWriter::put_series(SeriesId id, const Series& series) {
  const MetricDescriptor& metric = series.metric;
  labels_ = "{";
  for (const auto& [name, value] : series.labels) {
    if (labels_.size() > 1) labels_ += ',';
    put_json_string(labels_, name);
    labels_ += ':';
    put_json_string(labels_, value);
  }
  labels_ += '}';
  series_.bind(1, std::int64_t{id});
  series_.bind(2, std::string_view(metric.name));
  series_.bind(3, unit_name(metric.unit));
  series_.bind(4, kind_name(metric.kind));
  series_.bind(5, std::string_view(metric.help));
  series_.bind(6, std::string_view(metric.title));
  series_.bind(7, metric.scale);
  series_.bind(8, rate_display_name(metric.rate_display));
  series_.bind(9, std::int64_t{metric.counter_bits});
  series_.bind(10, std::string_view(labels_));
  return series_.run();
}

Result<void> RecordingWriter::put_event(std::int64_t number, const Event& event) {
  event_.bind(1, number);
  event_.bind(2, event.time.monotonic_ns);
  event_.bind(3, event.time.wall_ns);
  event_.bind(4, event_kind_name(event.kind));
  event_.bind(5, std::string_view(event.text));
  return event_.run();
}

Result<void> RecordingWriter::put_info(std::string_view key, std::int64_t value) {
  info_.bind(1, key);
  info_.bind(2, value);
  return info_.run();
}

Result<void> RecordingWriter::put_info(std::string_view key, std::string_view value) {
  info_.bind(1, key);
  info_.bind(2, value);
  return info_.run();
}

}  // namespace isotach::record
