// isotach plot: metrics over time, live in the terminal, as a picture, or as data.
#include <fmt/format.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "command/context.h"
#include "command/plot_feed.h"
#include "command/plot_loop.h"
#include "command/plot_options.h"
#include "command/plot_session.h"
#include "command/plot_view.h"
#include "command/record_info.h"
#include "command/spec.h"
#include "kernel/host.h"
#include "record/recording.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

int list_metrics(Context& context, Format format) {
  const std::vector<record::MetricDescriptor> metrics = plottable_metrics();
  if (format == Format::csv) {
    view::CsvWriter csv;
    csv.head({"name", "unit", "kind", "help"});
    for (const record::MetricDescriptor& metric : metrics)
      csv.text(metric.name)
          .text(unit_name(metric.shown_unit()))
          .text(kind_name(metric.kind))
          .text(metric.help)
          .end_row();
    context.out.write(csv.take());
    return kExitOk;
  }
  if (format != Format::table) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.plot.metrics.v1");
    json.key("groups").begin_array();
    for (const PlotGroup& group : plot_groups()) {
      json.begin_object();
      json.key("name").string(group.name).key("help").string(group.help);
      json.end_object();
    }
    json.end_array();
    json.key("metrics").begin_array();
    for (const record::MetricDescriptor& metric : metrics) {
      json.begin_object();
      json.key("name").string(metric.name);
      json.key("unit").string(unit_name(metric.shown_unit()));
      json.key("kind").string(kind_name(metric.kind));
      json.key("help").string(metric.help);
      json.end_object();
    }
    json.end_array();
    json.end_object();
    context.out.write(json.text() + '\n');
    return kExitOk;
  }
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 200;
  view::Table groups({{"group", view::Align::left}, {"shows", view::Align::left, 0, 20}});
  for (const PlotGroup& group : plot_groups()) groups.row({std::string(group.name), std::string(group.help)});
  view::Table table({{"metric", view::Align::left},
                     {"shown in", view::Align::left, 2},
                     {"kind", view::Align::left, 1},
                     {"", view::Align::left, 3, 20}});
  for (const record::MetricDescriptor& metric : metrics)
    table.row({metric.name, std::string(unit_name(metric.shown_unit())), std::string(kind_name(metric.kind)),
               metric.help});
  context.out.write(groups.text(columns) + '\n' + table.text(columns));
  return kExitOk;
}

// A file holds all its rows already, and cannot be waited for.
Result<void> run_saved(Context& context, PlotFeed& feed) {
  for (;;) {
    auto more = feed.on_input(context.clock.now());
    if (!more) return tl::make_unexpected(more.error());
    if (!*more || context.waiter.interrupted()) return {};
  }
}

int plot_running(Context& context, const Arguments& arguments, const PlotOptions& options,
                 PlotSelection selection) {
  record::SeriesTable table;
  // A program's own memory belongs into a plot of memory.
  const bool has_memory = selection.parts().memory;
  if (!options.command.empty() && has_memory) selection.also("process_resident_bytes");
  PlotSession session(context, options, std::move(selection), table);
  const kernel::SystemRoot root =
      options.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options.proc_root);
  session.set_host(kernel::read_host(root).name);
  const record::RecordingInfo info =
      recording_info(context, arguments, root, context.clock.now(), options.interval_ns);
  const bool vmstat = options.source == PlotSourceKind::vmstat;
  if (vmstat && context.in_is_terminal)
    return context.report({ErrorKind::usage, 0, "standard input is the terminal, not vmstat",
                           "try: vmstat -w 1 | isotach plot memory --from vmstat"});
  if (auto opened = session.open(info); !opened) return context.report(opened.error());

  Result<void> done;
  {
    const Fd pipe(vmstat ? ::dup(STDIN_FILENO) : -1);
    std::optional<PlotView> view(std::in_place, context, session);
    auto feed = vmstat ? make_vmstat_feed(context, session, table, pipe.get())
                       : make_machine_feed(context, session, table, view->is_drawn());
    if (!feed) {
      view.reset();
      return context.report(feed.error());
    }
    epoll_event event{};
    const Fd probe(::epoll_create1(EPOLL_CLOEXEC));
    const bool saved = vmstat && ::epoll_ctl(probe.get(), EPOLL_CTL_ADD, pipe.get(), &event) != 0;
    done = saved ? run_saved(context, **feed) : run_feed(context, session, **feed, *view);
    view.reset();  // the terminal is ours no longer: what follows is printed
    (*feed)->finish();
  }
  if (!done) {
    // What was measured until then is not thrown away.
    if (session.samples() > 1) static_cast<void>(session.finish(true));
    return context.report(done.error());
  }
  return session.finish(context.waiter.interrupted());
}

int plot_recording(Context& context, const PlotOptions& options, PlotSelection selection) {
  auto opened = record::Recording::open(options.recording_path);
  if (!opened) return context.report(opened.error());
  record::Recording& recording = **opened;
  PlotSession session(context, options, std::move(selection), recording.table());
  session.set_host(recording.info().host);
  if (auto ready = session.open({}); !ready) return context.report(ready.error());

  record::Sample sample;
  std::uint64_t damaged = 0;
  const auto first = recording.first_time();
  while (!context.waiter.interrupted()) {
    auto more = recording.next(sample);
    if (!more) {
      // A damaged piece is left out; a file that is nothing but damage must come to an end.
      if (damaged++ == 0) context.warn(more.error().message() + "; plotting the rest");
      if (damaged > 10000) break;
      continue;
    }
    if (!*more) break;
    if (options.duration_ns && first && sample.time.monotonic_ns - first->monotonic_ns > *options.duration_ns)
      break;
    if (auto taken = session.take(sample); !taken) return context.report(taken.error());
    if (options.count && session.samples() >= *options.count) break;
  }
  for (const record::Event& event : recording.events()) session.take(event);
  return session.finish(context.waiter.interrupted());
}

int run_plot(Context& context, const Arguments& arguments) {
  if (arguments.has("--list")) {
    const auto format = format_of(arguments);
    return format ? list_metrics(context, *format) : context.report(format.error());
  }
  const auto options = plot_options_of(arguments);
  if (!options) return context.report(options.error());
  auto selection = PlotSelection::parse(options->metrics, options->source);
  if (!selection) return context.report(selection.error());
  if (options->source == PlotSourceKind::recording)
    return plot_recording(context, *options, std::move(*selection));
  return plot_running(context, arguments, *options, std::move(*selection));
}

}  // namespace

CommandSpec plot_command() {
  CommandSpec spec;
  spec.name = "plot";
  spec.area = "overview";
  spec.summary = "plot any metric over time, live, as a picture or as data";
  spec.usages = {
      "isotach plot [OPTIONS] METRIC...", "isotach plot [OPTIONS] METRIC... -- COMMAND [ARGUMENT...]",
      "isotach plot [OPTIONS] FILE.isotach METRIC...", "vmstat -w 1 | isotach plot METRIC... --from vmstat"};
  spec.description =
      "Metrics are named as in 'isotach plot --list', with labels "
      "(network_receive_bytes{interface=\"eth0\"}) or "
      "patterns (disk_*_bytes), or by the ready-made groups memory, cpu, swap, ksm, network, disk and "
      "pressure. "
      "Without any, memory is plotted: free, used and buffers. Metrics of different units get axes of their "
      "own.\n\n"
      "On a terminal the plot is live. The value axis grows at once when data leaves it, and shrinks slowly "
      "when the "
      "visible data needs less; no point is ever cut off. Keys: q quits, space pauses, a lets the axis "
      "follow the data "
      "or stay, + and - change how much of the past is visible, m sets a mark, ? shows help. Without the "
      "live view each line of standard input "
      "becomes a mark with that text.\n\n"
      "Where standard output is no terminal, the plot is printed once, as text, when it ends: after --count "
      "samples or "
      "the time of --for, or on Ctrl-C. With --svg or --png the picture is written instead, and with --json, "
      "--json-stream or --csv the data points are printed. A summary of each line goes to standard error. "
      "Pictures "
      "show all that was measured, unless --window is given.\n\n"
      "A COMMAND is started after the first sample; its start, its largest resident memory and its end are "
      "marked, its "
      "memory is drawn beside the machine's, and the plot ends a second after it. Its output goes to "
      "standard error, "
      "or nowhere while the plot has the terminal.\n\n"
      "--from vmstat reads what vmstat(8) prints, with any of its row options. Used memory is this machine's "
      "total "
      "(or --total) less vmstat's free, buff and cache. Rows that arrive together were saved earlier: they "
      "are taken "
      "as --interval apart, a second without it, or at the times that vmstat -t gave.";
  spec.positionals = {
      {"METRIC", "a metric, a pattern, a group; the first may be a recording to plot", "metric", true}};
  spec.options = plot_option_specs();
  spec.examples = {
      {"isotach plot memory", "free, used and buffer memory of this machine, live"},
      {"isotach plot memory -i 0.1 --svg run.svg -- python3 ex01.py",
       "what a program does to memory, as a picture"},
      {"isotach plot 'network_*_bytes' --window 5m", "all interfaces, the last five minutes visible"},
      {"vmstat -w 1 | isotach plot memory --from vmstat", "what vmstat prints, live"},
      {"isotach plot night.isotach cpu memory --png night.png", "from a recording"},
      {"isotach plot pressure --csv --for 10s > pressure.csv", "the data points"},
  };
  spec.takes_command = true;
  spec.run = run_plot;
  return spec;
}

}  // namespace isotach::command
