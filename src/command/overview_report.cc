#include <algorithm>

#include "base/ticker.h"
#include "command/overview_live.h"
#include "command/overview_model.h"
#include "kernel/host.h"
#include "view/overview/report.h"

namespace isotach::command {
namespace {

// How many intervals are watched. A report needs one; a stream goes on until it is stopped.
std::optional<std::uint64_t> intervals_of(const OverviewOptions& options) {
  if (options.count) return options.count;
  if (options.duration_ns)
    return static_cast<std::uint64_t>(std::max<std::int64_t>(1, *options.duration_ns / options.interval_ns));
  if (options.format == Format::json_stream) return std::nullopt;
  return 1;
}

bool is_stream(Format format) {
  return format == Format::json_stream || format == Format::csv;
}

}  // namespace

void write_overview_report(Context& context, Format format, const view::OverviewModel& model) {
  switch (format) {
    case Format::json:
    case Format::json_stream:
      context.out.write(view::report_json(model) + '\n');
      break;
    case Format::csv:
      context.out.write(view::report_csv_rows(model));
      break;
    case Format::table:
      context.out.write(view::report_text(model, {terminal_size(context.out.fd()).columns, context.color}));
      break;
  }
  context.out.flush();
}

int run_overview_report(Context& context, const Arguments& arguments, const OverviewOptions& options) {
  auto opened = OverviewSource::open(context, arguments, options);
  if (!opened) return context.report(opened.error());
  OverviewSource& source = **opened;
  const kernel::Host host = kernel::read_host(overview_root(options));
  OverviewBuilder builder(host, options.proc_root);
  auto time = source.sample();
  if (!time) return context.report(time.error());
  builder.add(source.reading(), *time);
  // Rates of one document are over all of the time watched.
  OverviewBuilder whole(host, options.proc_root);
  whole.add(source.reading(), *time);
  for (OverviewBuilder* each : {&builder, &whole})
    each->set_limits(kernel::read_cgroup_limits(overview_root(options)));

  const bool stream = is_stream(options.format);
  const auto intervals = intervals_of(options);
  if (options.format == Format::csv) context.out.write(view::report_csv_head());
  Ticker ticker(time->monotonic_ns, options.interval_ns);
  for (std::uint64_t done = 0; !intervals || done < *intervals; ++done) {
    ticker.advance(context.clock.now().monotonic_ns);
    Wake wake = Wake::deadline;
    do {
      wake = context.waiter.wait_until(ticker.deadline_ns(), {-1, context.out.fd()});
    } while (wake == Wake::resized || wake == Wake::child_exited);
    if (wake == Wake::output_closed) {
      context.out.write("\n");  // finds out that the reader has gone
      context.out.flush();
      return kExitOk;
    }
    time = source.sample();
    if (!time) return context.report(time.error());
    if (stream && wake != Wake::interrupted) {
      builder.add(source.reading(), *time);
      builder.model().missed = ticker.missed();
      write_overview_report(context, options.format, builder.model());
      if (!context.out.is_open()) break;
    }
    if (wake == Wake::interrupted) break;
  }
  whole.add(source.reading(), *time);
  whole.model().missed = ticker.missed();
  if (!stream) write_overview_report(context, options.format, whole.model());
  if (auto finished = source.finish(); !finished) return context.report(finished.error());
  return overview_exit_code(options, stream ? builder.model() : whole.model(), kExitOk);
}

}  // namespace isotach::command
