#include "command/metrics_page.h"

#include <time.h>

#include <utility>

#include "base/value.h"
#include "command/version.h"

namespace isotach::command {
namespace {

using record::MetricDescriptor;
using record::MetricKind;

constexpr double kNanosecond = 1e-9;

MetricDescriptor counter(std::string name, Unit unit, std::string help, double scale = 1) {
  return {std::move(name), unit, MetricKind::counter, std::move(help), {}, scale};
}

enum Own : std::size_t {
  scrapes,
  scrapes_late,
  requests_refused,
  collections,
  collections_failed,
  collect_time,
  collect_time_all,
  cpu_time,
  series,
  series_refused,
  kOwnCount,
};

std::int64_t own_cpu_ns() {
  timespec time{};
  if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time) != 0) return 0;
  return time.tv_sec * kNanosecondsPerSecond + time.tv_nsec;
}

}  // namespace

std::vector<MetricDescriptor> MetricsPage::own_metrics() {
  std::vector<MetricDescriptor> metrics(kOwnCount);
  metrics[scrapes] = counter("agent_scrapes", Unit::count, "Pages of metrics asked for");
  metrics[scrapes_late] =
      counter("agent_scrapes_late", Unit::count, "Scrapes given up because another one's collection hung");
  metrics[requests_refused] =
      counter("agent_requests_refused", Unit::count, "Requests refused because all places were taken");
  metrics[collections] = counter("agent_collections", Unit::count, "Times the machine was read");
  metrics[collections_failed] =
      counter("agent_collections_failed", Unit::count, "Times the machine could not be read");
  metrics[collect_time] = {"agent_last_collect_seconds",
                           Unit::seconds,
                           MetricKind::gauge,
                           "Time that the last reading of the machine took",
                           {},
                           kNanosecond};
  metrics[collect_time_all] =
      counter("agent_collect_seconds", Unit::seconds, "Time spent reading the machine", kNanosecond);
  metrics[cpu_time] = counter("agent_cpu_seconds", Unit::seconds, "CPU time of the agent", kNanosecond);
  metrics[series] = {"agent_series", Unit::count, MetricKind::gauge, "Series known to the agent", {}};
  metrics[series_refused] =
      counter("agent_series_refused", Unit::count, "Series left out because there were too many");
  return metrics;
}

MetricsPage::MetricsPage(Collect collect, const record::SeriesTable& table, Clock& clock, Options options)
    : collect_(std::move(collect)), table_(table), clock_(clock), options_(options) {}

Result<void> MetricsPage::collect_if_old() {
  const std::int64_t begin_ns = clock_.now().monotonic_ns;
  if (collected_ns_ && begin_ns - *collected_ns_ < options_.fresh_ns) return {};
  rendered_ = {};
  collected_ns_.reset();
  sample_.points.clear();
  sample_.time = clock_.now();
  auto collected = collect_(sample_);
  const std::int64_t took_ns = clock_.now().monotonic_ns - begin_ns;
  if (collected) collected_ns_ = begin_ns;
  const std::lock_guard lock(cost_mutex_);
  ++cost_.collections;
  if (!collected) ++cost_.failures;
  cost_.last_collect_ns = took_ns;
  cost_.total_collect_ns += took_ns;
  return collected;
}

Result<std::string> MetricsPage::text(view::Exposition format, std::uint64_t refused_requests) {
  {
    const std::lock_guard lock(cost_mutex_);
    ++cost_.scrapes;
  }
  std::unique_lock lock(collecting_, options_.wait_limit);
  if (!lock.owns_lock()) {
    const std::lock_guard cost_lock(cost_mutex_);
    ++cost_.late;
    return failure(ErrorKind::failed, "reading the machine takes too long");
  }
  if (auto collected = collect_if_old(); !collected) return tl::make_unexpected(std::move(collected.error()));
  auto& rendered = rendered_[static_cast<std::size_t>(format)];
  if (!rendered) {
    view::OpenMetricsWriter writer(format);
    writer.sample(sample_, table_);
    if (options_.findings)
      writer.info("finding", "What the doctor finds wrong: see isotach doctor --explain ID",
                  options_.findings());
    rendered = writer.take();
  }
  std::string page = *rendered;
  lock.unlock();
  view::OpenMetricsWriter writer(format);
  write_own(writer, refused_requests);
  return page + writer.finish();
}

void MetricsPage::write_own(view::OpenMetricsWriter& writer, std::uint64_t refused_requests) const {
  const Cost now = cost();
  const auto metrics = own_metrics();
  const auto write = [&](Own which, std::uint64_t value) { writer.single(metrics[which], Value::of(value)); };
  write(scrapes, now.scrapes);
  write(scrapes_late, now.late);
  write(requests_refused, refused_requests);
  write(collections, now.collections);
  write(collections_failed, now.failures);
  write(collect_time, static_cast<std::uint64_t>(now.last_collect_ns));
  write(collect_time_all, static_cast<std::uint64_t>(now.total_collect_ns));
  write(cpu_time, static_cast<std::uint64_t>(own_cpu_ns()));
  write(series, table_.size());
  write(series_refused, table_.refused());
  writer.info("build", "The program that serves this page", {{{"version", kVersion}}});
}

MetricsPage::Cost MetricsPage::cost() const {
  const std::lock_guard lock(cost_mutex_);
  return cost_;
}

}  // namespace isotach::command
