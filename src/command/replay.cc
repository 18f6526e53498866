// isotach replay FILE: shows a recording again through the views of the command that made it.
#include "command/replay.h"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/text.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/replay_about.h"
#include "command/replay_player.h"
#include "command/replay_time.h"
#include "command/samples_view.h"
#include "command/spec.h"
#include "record/recording.h"

namespace isotach::command {
namespace {

constexpr double kFastest = 1e6;

// 0 is without waiting.
Result<double> speed_of(const Context& context, const Arguments& arguments) {
  const auto text = arguments.value("--speed");
  if (!text) return context.out_is_terminal ? 1.0 : 0.0;
  if (*text == "max") return 0.0;
  const auto speed = parse_real(*text);
  if (!speed || *speed <= 0 || *speed > kFastest)
    return failure(ErrorKind::usage, "'" + printable(*text) + "' is no speed",
                   "write how many times as fast as it was, such as 0.5, 1, 60, or max");
  return *speed;
}

// Nothing where the recording has no samples.
Result<std::optional<std::int64_t>> moment_of(record::Recording& recording, const Arguments& arguments,
                                              const std::string& option) {
  const auto text = arguments.value(option);
  if (!text) return std::nullopt;
  auto time = parse_replay_time(*text, option);
  if (!time) return tl::make_unexpected(std::move(time.error()));
  const auto first = recording.first_time();
  const auto last = recording.last_time();
  if (!first || !last) return std::nullopt;
  std::int64_t moment_ns = 0;
  switch (time->origin) {
    case ReplayTime::Origin::start:
      if (__builtin_add_overflow(first->monotonic_ns, time->offset_ns, &moment_ns))
        moment_ns = std::numeric_limits<std::int64_t>::max();
      return moment_ns;
    case ReplayTime::Origin::end:
      if (__builtin_sub_overflow(last->monotonic_ns, time->offset_ns, &moment_ns))
        moment_ns = std::numeric_limits<std::int64_t>::min();
      return moment_ns;
    case ReplayTime::Origin::time_of_day:
      time->offset_ns = next_time_of_day(first->wall_ns, time->offset_ns);
      break;
    case ReplayTime::Origin::wall:
      break;
  }
  auto found = recording.monotonic_at(time->offset_ns);
  if (!found) return tl::make_unexpected(std::move(found.error()));
  return *found;
}

Result<ReplayRange> range_of(record::Recording& recording, const Arguments& arguments) {
  auto from = moment_of(recording, arguments, "--from");
  if (!from) return tl::make_unexpected(std::move(from.error()));
  auto to = moment_of(recording, arguments, "--to");
  if (!to) return tl::make_unexpected(std::move(to.error()));
  ReplayRange range;
  if (*from) range.from_ns = **from;
  if (*to) range.to_ns = **to;
  if (range.from_ns > range.to_ns)
    return failure(ErrorKind::usage, "--from is later than --to",
                   "isotach replay FILE --info tells its times");
  if (const auto last = recording.last_time(); last && range.from_ns > last->monotonic_ns)
    return failure(ErrorKind::usage, "--from is after the end of the recording",
                   "isotach replay FILE --info tells its times");
  return range;
}

enum class View { vm, overview, traffic, samples };

View view_of(const Context& context, const Arguments& arguments, const record::RecordingInfo& info,
             Format format) {
  const std::string asked = arguments.value("--view").value_or("");
  if (asked == "vm" || (asked.empty() && info.command == "vm")) return View::vm;
  if (asked == "traffic" || (asked.empty() && info.command == "traffic")) return View::traffic;
  // The overview records under no name: it is isotach without a command; the page shows the same.
  const bool overview =
      info.command.empty() || info.command == "web" || (context.out_is_terminal && format == Format::table);
  if (asked == "overview" || (asked.empty() && overview)) return View::overview;
  return View::samples;
}

// What was typed when `name` recorded, to be shown in the format of this replay. A recording of
// another command is shown as `name` shows it without options.
Result<Arguments> recorded_arguments(const record::RecordingInfo& info, const std::string& name,
                                     const Arguments& own) {
  const auto& commands = all_commands();
  const auto spec = std::find_if(commands.begin(), commands.end(),
                                 [&](const CommandSpec& command) { return command.name == name; });
  std::vector<std::string> words;
  if (info.command == name) words = info.arguments;
  auto arguments = parse_arguments(*spec, words);
  if (!arguments)
    return failure(ErrorKind::failed,
                   "the recording was made with arguments that this isotach does not know: " +
                       arguments.error().message(),
                   "show it without them: --view samples");
  for (const char* option : {"--json", "--json-stream", "--csv"}) {
    arguments->forget(option);
    if (own.has(option)) arguments->set_switch(option);
  }
  arguments->forget("--record");
  return arguments;
}

int replay_samples(Context& context, const Arguments& arguments, Format format, ReplayPlayer& player) {
  record::Recording& recording = player.recording();
  SamplesView view(context.out, recording.table(),
                   {format, arguments.has("--raw"), terminal_size(context.out.fd()).columns});
  view.begin(recording.info());
  record::Sample sample;
  std::optional<Error> error;
  while (context.out.is_open()) {
    auto got = player.next(sample);
    if (!got) error = std::move(got.error());
    if (!got || !*got) break;
    view.add(sample);
  }
  view.end(recording.events());
  if (view.series_left_out() > 0)
    context.warn(fmt::format("{} series appeared too late to have a column", view.series_left_out()));
  return error ? context.report(*error) : kExitOk;
}

int replay(Context& context, const Arguments& arguments, record::Recording& recording, Format format) {
  auto speed = speed_of(context, arguments);
  if (!speed) return context.report(speed.error());
  const auto range = range_of(recording, arguments);
  if (!range) return context.report(range.error());
  const View view = view_of(context, arguments, recording.info(), format);
  // The table of newest values is printed at the end: nobody wants to wait for it.
  if (view == View::samples && format == Format::table) speed = 0.0;
  ReplayPlayer player(context, recording, *range, *speed);
  int code = kExitOk;
  if (view == View::samples) {
    code = replay_samples(context, arguments, format, player);
  } else {
    const std::string name = view == View::vm ? "vm" : view == View::traffic ? "traffic" : "";
    auto recorded = recorded_arguments(recording.info(), name, arguments);
    if (!recorded) return context.report(recorded.error());
    code = view == View::vm        ? replay_vm(context, *recorded, player)
           : view == View::traffic ? replay_traffic(context, *recorded, player)
                                   : replay_overview(context, *recorded, player);
  }
  context.out.flush();
  const bool sound = player.tell_damage();
  return sound || code != kExitOk ? code : kExitFailed;
}

int run(Context& context, const Arguments& arguments) {
  if (arguments.positionals().empty())
    return context.report(
        {ErrorKind::usage, 0, "the name of the recording is missing", "write: isotach replay run.isotach"});
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  if (arguments.has("--info") && arguments.has("--list"))
    return context.report({ErrorKind::usage, 0, "only one of --info and --list can be shown at once", {}});
  const std::string& path = arguments.positionals().front();
  auto recording = record::Recording::open(path);
  if (!recording) return context.report(recording.error());
  if (arguments.has("--info")) return show_recording_info(context, **recording, path, *format);
  if (arguments.has("--list")) return show_recorded_series(context, **recording, *format);
  return replay(context, arguments, **recording, *format);
}

}  // namespace

CommandSpec replay_command() {
  CommandSpec spec;
  spec.name = "replay";
  spec.area = "recordings";
  spec.summary = "show a recording again";
  spec.usages = {"isotach replay [OPTIONS] FILE"};
  spec.description =
      "Shows what was recorded through the view of the command that recorded it, as that command showed it. "
      "On a terminal it runs as fast as it was recorded; elsewhere, without waiting.\n\n"
      "A recording that is still being written, or whose recorder was killed, can be shown too. Damaged "
      "pieces "
      "are left out and told at the end, with exit code 1.\n\n"
      "TIME is 90s (after the start), -10s (before the end), 01:29:23 (by the clock, for the first time in "
      "the "
      "recording), '2026-11-23 01:29' (local) or 2026-11-23T01:29:23Z.";
  spec.positionals = {{"FILE", "the recording", "file"}};
  spec.options = {
      {"--view",
       0,
       "VIEW",
       "show it as this command does; samples shows every series by its name",
       "what to show",
       {"vm", "overview", "traffic", "samples"}},
      {"--from", 0, "TIME", "start with the first sample at or after TIME", "what to show"},
      {"--to", 0, "TIME", "end with the last sample at or before TIME", "what to show"},
      {"--raw", 0, "", "with --view samples: counters as they stand instead of rates", "what to show"},
      {"--info", 0, "", "print what the recording is: host, times, samples, size, events", "what to show"},
      {"--list", 0, "", "print the recorded series", "what to show"},
      {"--speed", 0, "N", "how many times as fast as it was, or max", "timing"},
  };
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.examples = {
      {"isotach replay run.isotach", "watch it again"},
      {"isotach replay --speed 60 --from 10m run.isotach", "an hour in a minute, from the tenth minute on"},
      {"isotach replay --csv --view samples run.isotach > run.csv",
       "all series as a table for other programs"},
      {"isotach replay --info run.isotach", "what is in it"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
