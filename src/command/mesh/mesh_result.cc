#include "command/mesh/mesh_result.h"

#include <fmt/format.h>

#include <initializer_list>
#include <utility>

#include "base/json_reader.h"
#include "base/text.h"
#include "base/units.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using record::MetricDescriptor;
using record::MetricKind;

struct FigureWords {
  std::string_view name;
  Unit unit;
  std::string_view help;
  std::string_view title;
};

// In the order of MeshFigure.
constexpr std::array<FigureWords, kMeshFigures> kFigures = {{
    {"mesh_throughput_bits_per_second", Unit::bits_per_second, "What the receiver got in the last test",
     "throughput"},
    {"mesh_retransmits", Unit::count, "TCP segments sent again in the last test", "sent again"},
    {"mesh_jitter_seconds", Unit::seconds, "Jitter of the last test by UDP (RFC 3550)", "jitter"},
    {"mesh_test_loss_ratio", Unit::ratio, "Datagrams lost in the last test by UDP", "lost"},
    {"mesh_test_rtt_seconds", Unit::seconds, "Mean round trip of the last test's connection",
     "RTT under load"},
    {"mesh_path_capacity_bits_per_second", Unit::bits_per_second, "Capacity of the path: its narrow link",
     "capacity"},
    {"mesh_path_available_bits_per_second", Unit::bits_per_second,
     "Available bandwidth of the path: what its tight link has left", "available"},
    {"mesh_path_rtt_seconds", Unit::seconds, "Least round trip of the path", "RTT"},
    {"mesh_path_rtt_p99_seconds", Unit::seconds, "Round trip that 99 of 100 probes did not exceed",
     "RTT p99"},
    {"mesh_path_loss_ratio", Unit::ratio, "Probes that the path lost", "lost"},
    {"mesh_path_reordered_ratio", Unit::ratio, "Probes that came after later ones", "reordered"},
    {"mesh_path_mtu_bytes", Unit::bytes, "Largest packet that passes", "MTU"},
}};

std::optional<double> number_at(const JsonValue* value, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) value = value == nullptr ? nullptr : value->find(name);
  return value == nullptr ? std::nullopt : value->real();
}

std::optional<double> scaled(std::optional<double> value, double factor) {
  if (value) *value *= factor;
  return value;
}

constexpr double kNanosecond = 1e-9;
constexpr double kMicrosecond = 1e-6;
constexpr double kMillisecond = 1e-3;
constexpr double kPercent = 1e-2;

MeshFigures figures_of_nettest(const JsonValue& document) {
  MeshFigures figures = {};
  const auto at = [&](MeshFigure figure) -> std::optional<double>& {
    return figures[static_cast<std::size_t>(figure)];
  };
  const JsonValue* end = document.find("end");
  const JsonValue* received = end == nullptr ? nullptr : end->find("sum_received");
  at(MeshFigure::throughput) = number_at(received, {"bits_per_second"});
  at(MeshFigure::retransmits) = number_at(end, {"sum_sent", "retransmits"});
  at(MeshFigure::jitter) = scaled(number_at(received, {"jitter_ms"}), kMillisecond);
  at(MeshFigure::test_loss) = scaled(number_at(received, {"lost_percent"}), kPercent);
  const JsonValue* streams = end == nullptr ? nullptr : end->find("streams");
  if (streams != nullptr && !streams->elements().empty())
    at(MeshFigure::test_rtt) =
        scaled(number_at(&streams->elements().front(), {"sender", "mean_rtt"}), kMicrosecond);
  return figures;
}

MeshFigures figures_of_path(const JsonValue& document) {
  MeshFigures figures = {};
  const auto at = [&](MeshFigure figure) -> std::optional<double>& {
    return figures[static_cast<std::size_t>(figure)];
  };
  at(MeshFigure::capacity) = number_at(&document, {"capacity", "bps"});
  at(MeshFigure::available) = number_at(&document, {"available", "bps"});
  at(MeshFigure::rtt) = scaled(number_at(&document, {"idle", "rtt_min_ns"}), kNanosecond);
  at(MeshFigure::rtt_high) = scaled(number_at(&document, {"idle", "rtt_p99_ns"}), kNanosecond);
  const auto sent = number_at(&document, {"packets", "sent"});
  if (sent && *sent > 0) {
    at(MeshFigure::loss) = scaled(number_at(&document, {"packets", "lost"}), 1 / *sent);
    at(MeshFigure::reordered) = scaled(number_at(&document, {"packets", "reordered"}), 1 / *sent);
  }
  at(MeshFigure::mtu) = number_at(&document, {"mtu", "bytes"});
  at(MeshFigure::throughput) = number_at(&document, {"tcp", "bps"});
  at(MeshFigure::retransmits) = number_at(&document, {"tcp", "retransmits"});
  return figures;
}

std::string_view kind_name(MeshOutcome::Kind kind) {
  switch (kind) {
    case MeshOutcome::Kind::done:
      return "done";
    case MeshOutcome::Kind::failed:
      return "failed";
    case MeshOutcome::Kind::busy:
      break;
  }
  return "busy";
}

enum Own : std::size_t { tests, tests_failed, tests_busy, last_success };

std::array<MetricDescriptor, 4> own_metrics() {
  const auto counter = [](const char* name, const char* help, const char* title) {
    return MetricDescriptor{name, Unit::count, MetricKind::counter, help, title};
  };
  return {counter("mesh_tests", "Tests that were begun", "tests"),
          counter("mesh_tests_failed", "Tests that told nothing", "failed"),
          counter("mesh_tests_busy", "Turns in which a host was in another test", "busy"),
          {"mesh_last_success_seconds", Unit::seconds, MetricKind::gauge,
           "When a test told something last, since 1970 UTC", "last success"}};
}

}  // namespace

Result<MeshFigures> figures_of(mesh::TestKind kind, std::string_view document) {
  const auto parsed = parse_json(document, {.depth = 32, .values = 1u << 20});
  if (!parsed) return failure(ErrorKind::failed, "the test printed no JSON");
  if (const JsonValue* error = parsed->find("error"); error != nullptr) {
    const JsonValue* message = error->find("message");
    const std::string* text = message != nullptr ? message->string() : error->string();
    return failure(ErrorKind::failed, text == nullptr ? "the test failed" : printable(*text));
  }
  MeshFigures figures =
      kind == mesh::TestKind::nettest ? figures_of_nettest(*parsed) : figures_of_path(*parsed);
  for (const auto& figure : figures)
    if (figure) return figures;
  return failure(ErrorKind::failed, "the test told no figure");
}

std::vector<MetricDescriptor> mesh_metrics() {
  std::vector<MetricDescriptor> metrics;
  for (const FigureWords& words : kFigures)
    metrics.push_back({std::string(words.name), words.unit, MetricKind::gauge, std::string(words.help),
                       std::string(words.title)});
  for (MetricDescriptor& metric : own_metrics()) metrics.push_back(std::move(metric));
  return metrics;
}

std::string mesh_line(const MeshOutcome& outcome) {
  std::string line = fmt::format("{}  {} to {}  {}", format_wall_time_local(outcome.wall_ns), outcome.from,
                                 outcome.to, mesh::test_name(outcome.test));
  if (outcome.kind != MeshOutcome::Kind::done)
    return line + fmt::format("  {}: {}\n", kind_name(outcome.kind), outcome.problem);
  for (std::size_t i = 0; i < kMeshFigures; ++i)
    if (outcome.figures[i])
      line +=
          fmt::format("  {} {}", kFigures[i].title, format_quantity(*outcome.figures[i], kFigures[i].unit));
  return line + "\n";
}

std::string mesh_json(const MeshOutcome& outcome) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.mesh.v1");
  json.key("time").string(format_wall_time_utc(outcome.wall_ns));
  json.key("from").string(outcome.from).key("to").string(outcome.to);
  json.key("test").string(mesh::test_name(outcome.test));
  json.key("outcome").string(kind_name(outcome.kind));
  if (!outcome.problem.empty()) json.key("problem").string(outcome.problem);
  json.key("figures").begin_object();
  for (std::size_t i = 0; i < kMeshFigures; ++i)
    if (outcome.figures[i]) json.key(kFigures[i].name).real(*outcome.figures[i]);
  json.end_object();
  json.end_object();
  return json.take() + "\n";
}

void MeshResults::add(const MeshOutcome& outcome) {
  const std::lock_guard lock(mutex_);
  Known& known = known_[{outcome.from, outcome.to}];
  ++known.counts[static_cast<std::size_t>(outcome.kind)];
  if (outcome.kind != MeshOutcome::Kind::done) return;
  known.success_wall_ns = outcome.wall_ns;
  for (std::size_t i = 0; i < kMeshFigures; ++i)
    if (outcome.figures[i]) known.figures[i] = outcome.figures[i];
}

void MeshResults::put(record::SeriesTable& table, record::Sample& sample) const {
  static const std::vector<MetricDescriptor> metrics = mesh_metrics();
  const std::lock_guard lock(mutex_);
  for (const auto& [pair, known] : known_) {
    const record::Labels labels = {{"from", pair.first}, {"to", pair.second}};
    const auto put_one = [&](std::size_t metric, const Value& value) {
      if (const auto id = table.intern(metrics[metric], labels)) sample.points.push_back({*id, value});
    };
    for (std::size_t i = 0; i < kMeshFigures; ++i)
      if (known.figures[i]) put_one(i, Value::of_real(*known.figures[i]));
    const auto [done, failed, busy] = known.counts;
    put_one(kMeshFigures + tests, Value::of(done + failed));
    put_one(kMeshFigures + tests_failed, Value::of(failed));
    put_one(kMeshFigures + tests_busy, Value::of(busy));
    if (known.success_wall_ns)
      put_one(kMeshFigures + last_success,
              Value::of_real(static_cast<double>(*known.success_wall_ns) * kNanosecond));
  }
  sample.sort();
}

}  // namespace isotach::command
