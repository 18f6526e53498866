// isotach replay of a recording that isotach traffic made: on a terminal the live view at the speed asked
// for, elsewhere the report or the stream that isotach traffic prints.
#include <algorithm>

#include "command/replay.h"
#include "command/traffic/replayed.h"
#include "command/traffic/run.h"

namespace isotach::command {
namespace {

// A damaged piece is passed over; a file that is nothing else must not be read forever.
constexpr int kDamageLimit = 1000;

// What the run was told about its end and its files means nothing here.
TrafficCommandOptions replay_options(TrafficCommandOptions options, const record::RecordingInfo& info,
                                     double speed) {
  options.count.reset();
  options.duration_ns.reset();
  options.log_file.reset();
  options.record_file.reset();
  options.collector.reset();
  options.resolve = false;
  if (info.interval_ns > 0 && speed > 0)
    options.interval_ns = std::max(kShortestIntervalNs,
                                   static_cast<std::int64_t>(static_cast<double>(info.interval_ns) / speed));
  return options;
}

// In its own time the player waits before each sample; a screen has a loop that does.
Result<bool> next_now(ReplaySource& source, record::Sample& sample) {
  for (int damaged = 0; damaged < kDamageLimit; ++damaged)
    if (const auto got = source.recording().next(sample))
      return *got && sample.time.monotonic_ns <= source.to_ns();
  return false;
}

int report(Context& context, const TrafficCommandOptions& options, TrafficSession& session,
           const ReplayedTraffic& replayed) {
  const TrafficReport what = traffic_report_of(options, options.format);
  const bool stream = options.format == Format::json_stream || options.format == Format::csv;
  view::CsvWriter csv;
  if (options.format == Format::csv) write_traffic_csv_head(csv, what.bys.front());
  const auto write_json = [&] {
    view::JsonWriter json;
    write_traffic_json(json, session, what, nullptr);
    context.out.write(json.take() + '\n');
  };
  while (context.out.is_open()) {
    if (auto read = session.read(); !read) return context.report(read.error());
    if (replayed.is_over()) break;
    if (!stream) continue;
    if (options.format == Format::csv) {
      write_traffic_csv(csv, session, what, nullptr);
      context.out.write(csv.take());
    } else {
      write_json();
    }
    context.out.flush();
  }
  if (options.format == Format::json) write_json();
  if (options.format == Format::table)
    context.out.write(traffic_text(session, what, terminal_size(context.out.fd()).columns, nullptr));
  return kExitOk;
}

}  // namespace

int replay_traffic(Context& context, const Arguments& arguments, ReplaySource& source) {
  const auto recorded = traffic_options_of(arguments);
  if (!recorded) return context.report(recorded.error());
  const record::RecordingInfo& info = source.recording().info();
  const TrafficCommandOptions options = replay_options(*recorded, info, source.speed());
  std::unique_ptr<view::Screen> screen;
  if (options.format == Format::table && context.out_is_terminal && !options.report)
    if (auto opened = view::Screen::open({.color = context.color, .mouse = true}, context.waiter))
      screen = std::move(*opened);
  bool begun = false;
  const bool live = screen != nullptr;
  auto replayed = std::make_unique<ReplayedTraffic>(
      source.recording().table(), [&source, begun, live](record::Sample& sample) mutable {
        // The player of the command knows where to start.
        const bool own_pace = live && std::exchange(begun, true);
        return own_pace ? next_now(source, sample) : source.next(sample);
      });
  const ReplayedTraffic& from = *replayed;
  auto session = TrafficSession::begin(std::move(replayed));
  if (!session) {
    screen.reset();
    return context.report(session.error());
  }
  if (!live) return report(context, options, **session, from);
  auto sinks = TrafficSinks::open(context, arguments, options, nullptr);
  if (!sinks) return context.report(sinks.error());
  return run_traffic_live(context, options, std::move(*session), **sinks, nullptr, std::move(screen));
}

}  // namespace isotach::command
