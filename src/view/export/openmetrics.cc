#include "view/export/openmetrics.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <unordered_map>
#include <utility>

#include "base/text.h"
#include "base/value.h"
#include "view/export/exact.h"

namespace isotach::view {
namespace {

using record::MetricDescriptor;
using record::MetricKind;

constexpr std::string_view kPrefix = "isotach_";
constexpr std::string_view kOpenMetricsType = "application/openmetrics-text";

// Label values and help texts: backslash, line end and, in label values and OpenMetrics help, the
// quote are escaped. Invalid UTF-8 becomes U+FFFD, for a scraper refuses the whole page for one byte.
void append_escaped(std::string& out, std::string_view text, bool escape_quote) {
  while (!text.empty()) {
    const std::size_t length = utf8_length(text);
    const char c = text[0];
    if (length == 0) {
      out += "\xef\xbf\xbd";
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\\' || (c == '"' && escape_quote)) {
      out += '\\';
      out += c;
    } else {
      out.append(text.substr(0, length));
    }
    text.remove_prefix(std::max<std::size_t>(length, 1));
  }
}

// "0.25" of "q=0.25"; 1 where there is none, 0 where it is no number.
double quality_of(const std::vector<std::string_view>& parameters) {
  for (std::size_t i = 1; i < parameters.size(); ++i) {
    const std::string_view parameter = trim(parameters[i]);
    if (!parameter.starts_with("q=")) continue;
    return std::clamp(parse_real(parameter.substr(2)).value_or(0), 0.0, 1.0);
  }
  return 1;
}

// Kinds as the formats know them: a value that is already per second is a gauge to them.
std::string_view type_name(MetricKind kind) {
  return kind == MetricKind::counter ? "counter" : "gauge";
}

// The unit may be told only where the name ends in it.
bool ends_in_unit(const MetricDescriptor& metric) {
  return metric.unit != Unit::count && metric.name.ends_with('_' + std::string(unit_name(metric.unit)));
}

}  // namespace

std::string_view content_type(Exposition format) {
  return format == Exposition::openmetrics ? "application/openmetrics-text; version=1.0.0; charset=utf-8"
                                           : "text/plain; version=0.0.4; charset=utf-8";
}

Exposition negotiate(std::string_view accept) {
  double openmetrics = 0;
  double other = 0;
  for (const std::string_view choice : split(accept, ',')) {
    const auto parameters = split(choice, ';');
    const std::string_view type = trim(parameters.front());
    const double quality = quality_of(parameters);
    if (type == kOpenMetricsType) {
      // Version 0.0.1 was a draft whose text is the same for what is written here.
      openmetrics = std::max(openmetrics, quality);
    } else if (type == "text/plain" || type == "text/*") {
      other = std::max(other, quality);
    }
  }
  return openmetrics > 0 && openmetrics >= other ? Exposition::openmetrics : Exposition::prometheus;
}

std::string exported_name(const MetricDescriptor& metric) {
  std::string name(kPrefix);
  name += metric.name;
  if (metric.kind == MetricKind::counter) name += "_total";
  return name;
}

void OpenMetricsWriter::describe(const MetricDescriptor& metric) {
  const bool openmetrics = format_ == Exposition::openmetrics;
  // OpenMetrics describes the family, whose name lacks "_total"; the older format the sample.
  const std::string name = openmetrics ? std::string(kPrefix) + metric.name : exported_name(metric);
  text_ += "# TYPE " + name + ' ';
  text_ += type_name(metric.kind);
  text_ += '\n';
  if (openmetrics && ends_in_unit(metric)) {
    text_ += "# UNIT " + name + ' ';
    text_ += unit_name(metric.unit);
    text_ += '\n';
  }
  text_ += "# HELP " + name + ' ';
  append_escaped(text_, metric.help, openmetrics);
  text_ += '\n';
}

void OpenMetricsWriter::point(const MetricDescriptor& metric, const record::Labels& labels,
                              std::string_view number) {
  text_ += kPrefix;
  text_ += metric.name;
  if (metric.kind == MetricKind::counter) text_ += "_total";
  char separator = '{';
  for (const auto& [name, value] : labels) {
    text_ += separator;
    text_ += name;
    text_ += "=\"";
    append_escaped(text_, value, true);
    text_ += '"';
    separator = ',';
  }
  if (!labels.empty()) text_ += '}';
  text_ += ' ';
  text_ += number;
  text_ += '\n';
}

void OpenMetricsWriter::sample(const record::Sample& sample, const record::SeriesTable& table) {
  // Series come in order of first use: a new interface stands far behind the others of its metric.
  std::vector<std::vector<const record::Point*>> metrics;
  std::unordered_map<std::string_view, std::size_t> index_of;
  for (const record::Point& point : sample.points) {
    const std::string& name = table.at(point.series).metric.name;
    const auto [found, fresh] = index_of.try_emplace(name, metrics.size());
    if (fresh) metrics.emplace_back();
    metrics[found->second].push_back(&point);
  }

  std::set<std::pair<std::string, std::string_view>> missing;
  for (const auto& points : metrics) {
    bool described = false;
    for (const record::Point* each : points) {
      const record::Series& series = table.at(each->series);
      const auto number = exact_text(each->value, series.metric.scale);
      if (!number) {
        const Missing reason = each->value.is_missing() ? each->value.reason() : Missing::malformed;
        missing.emplace(exported_name(series.metric), missing_text(reason));
        continue;
      }
      if (!described) describe(series.metric);
      described = true;
      point(series.metric, series.labels, *number);
    }
  }

  std::vector<record::Labels> reasons;
  for (const auto& [name, reason] : missing)
    reasons.push_back({{"metric", name}, {"reason", std::string(reason)}});
  info("missing", "Metrics that this machine could have but that have no value now, and why", reasons);
}

void OpenMetricsWriter::single(const MetricDescriptor& metric, const Value& value) {
  const auto number = exact_text(value, metric.scale);
  if (!number) return;
  describe(metric);
  point(metric, {}, *number);
}

void OpenMetricsWriter::info(std::string_view name, std::string_view help,
                             const std::vector<record::Labels>& entries) {
  if (entries.empty()) return;
  const bool openmetrics = format_ == Exposition::openmetrics;
  // The older format has no info; there it is a gauge whose name says what it is.
  const MetricDescriptor metric{
      std::string(name) + "_info", Unit::count, MetricKind::gauge, std::string(help), {}};
  if (openmetrics) {
    const std::string family = std::string(kPrefix) + std::string(name);
    text_ += "# TYPE " + family + " info\n# HELP " + family + ' ';
    append_escaped(text_, help, true);
    text_ += '\n';
  } else {
    describe(metric);
  }
  for (const record::Labels& labels : entries) point(metric, labels, "1");
}

std::string OpenMetricsWriter::take() {
  return std::exchange(text_, {});
}

std::string OpenMetricsWriter::finish() {
  if (format_ == Exposition::openmetrics) text_ += "# EOF\n";
  return take();
}

}  // namespace isotach::view
