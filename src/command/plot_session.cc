#include "command/plot_session.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <ctime>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "machine/metrics.h"
#include "view/plot/picture.h"
#include "view/plot/terminal_plot.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

constexpr std::int64_t kPictureIntervalNs = 3'000'000'000;
constexpr int kPlainRows = 24;

// "14:03:05" of a local time.
std::string time_of_day(std::int64_t wall_ns) {
  const std::string text = format_wall_time_local(wall_ns);
  return text.size() > 8 ? text.substr(text.size() - 8) : text;
}

// Where the last local midnight before the origin is on the time axis.
std::int64_t midnight_of(std::int64_t wall_ns) {
  const std::time_t seconds = wall_ns / kNanosecondsPerSecond;
  std::tm parts{};
  ::localtime_r(&seconds, &parts);
  const std::int64_t of_day_s = parts.tm_hour * 3600 + parts.tm_min * 60 + parts.tm_sec;
  return -(of_day_s * kNanosecondsPerSecond + wall_ns % kNanosecondsPerSecond);
}

}  // namespace

Result<void> check_writable(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode))
    return system_failure(EISDIR, "write " + printable(path));
  // The file is replaced as a whole, so its folder must be writable.
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : slash == 0 ? "/" : path.substr(0, slash);
  if (::access(folder.c_str(), W_OK | X_OK) != 0)
    return system_failure(errno, "write " + printable(path), "choose a folder that exists and is yours");
  return {};
}

PlotSession::PlotSession(Context& context, const PlotOptions& options, PlotSelection selection,
                         record::SeriesTable& table)
    : context_(context),
      options_(options),
      selection_(std::move(selection)),
      table_(table),
      model_(table),
      data_(context.out, options.format),
      title_(options.title.empty() ? selection_.title() : options.title) {}

Result<void> PlotSession::open(const record::RecordingInfo& info) {
  for (const std::string* path : {&options_.svg_path, &options_.png_path})
    if (!path->empty())
      if (auto writable = check_writable(*path); !writable) return writable;
  if (!options_.png_path.empty() && !view::png_supported()) {
    auto refused = view::png_of({}, options_.width, options_.height);
    if (!refused) return tl::make_unexpected(refused.error());
  }
  if (!options_.record_path.empty()) {
    auto recorder = record::Recorder::create(options_.record_path, info, table_);
    if (!recorder) return tl::make_unexpected(recorder.error());
    recorder_ = std::move(*recorder);
  }
  return {};
}

namespace {

// As everywhere in isotach 100 % are all processors; the counters themselves are seconds of any of them.
void share_cpu_times(view::PlotModel& model, const record::SeriesTable& table) {
  std::vector<record::SeriesId> parts, contained;
  for (const record::MetricDescriptor& metric : machine::family_metrics(machine::Family::cpu))
    if (const auto id = table.find(metric.name))
      (metric.name.starts_with("cpu_guest") ? contained : parts).push_back(*id);
  model.share(std::move(parts), std::move(contained));
}

}  // namespace

void PlotSession::select_new_series() {
  if (series_seen_ == table_.size()) return;
  series_seen_ = table_.size();
  share_cpu_times(model_, table_);
  std::size_t left_out = 0;
  for (const record::SeriesId id : selection_.matching(table_))
    if (!model_.add(id)) ++left_out;
  if (left_out == 0 || warned_lines_) return;
  warned_lines_ = true;
  context_.warn(fmt::format("showing {} lines and leaving {} out; name what you want more exactly",
                            view::PlotModel::kLineLimit, left_out));
}

Result<void> PlotSession::apply_fixed() {
  const std::vector<Unit> units = model_.units();
  if (!options_.fixed || units.empty()) return {};
  if (units.size() > 1)
    return failure(ErrorKind::usage, "--fixed needs metrics of one unit, and these have several",
                   "plot them one by one, or without --fixed");
  auto range = parse_fixed_range(*options_.fixed, units.front());
  if (!range) return tl::make_unexpected(range.error());
  model_.fix_axes(*range);
  return {};
}

Result<void> PlotSession::take(const record::Sample& sample, bool allow_unmatched) {
  select_new_series();
  if (!checked_ && !allow_unmatched) {
    checked_ = true;
    if (auto matched = selection_.check_matched(table_); !matched) return matched;
    if (auto fixed = apply_fixed(); !fixed) return fixed;
  }
  model_.append(sample);
  data_.sample(model_, sample.time);
  if (recorder_) {
    recorder_->append(sample);
    if (const auto error = recorder_->error(); error && !recording_failed_) {
      recording_failed_ = true;
      context_.warn(error->message() + "; the plot goes on without recording");
    }
  }
  return {};
}

void PlotSession::take(const record::Event& event) {
  model_.append(event);
  data_.event(model_, event);
  if (recorder_) recorder_->append(event);
}

void PlotSession::mark(const Instant& time, const std::string& text) {
  ++marks_;
  take(record::Event{time, record::EventKind::mark,
                     text.empty() ? fmt::format("mark {}", marks_) : printable(text)});
}

void PlotSession::label(view::Figure& figure) const {
  figure.title = title_;
  const auto origin = model_.origin();
  if (!origin) return;
  figure.subtitle = host_.empty() ? "" : printable(host_) + " · ";
  figure.subtitle += format_wall_time_local(origin->wall_ns);
  figure.time_labels = options_.clock ? view::TimeLabels::clock : view::TimeLabels::elapsed;
  figure.time_title = options_.clock ? "time of day" : "time since " + time_of_day(origin->wall_ns);
  figure.midnight_ns = midnight_of(origin->wall_ns);
}

view::DotStyle PlotSession::plain_dots() const {
  if (options_.dots) return *options_.dots;
  // As the live view decides: a user whose locale is plain C cannot read braille.
  for (const char* name : {"LC_ALL", "LC_CTYPE", "LANG"}) {
    const char* value = std::getenv(name);
    if (value == nullptr || value[0] == '\0') continue;
    const std::string locale = value;
    return locale == "C" || locale == "POSIX" ? view::DotStyle::ascii : view::DotStyle::braille;
  }
  return view::DotStyle::braille;
}

view::Figure PlotSession::final_figure() const {
  view::Figure figure = options_.window_given && model_.last_ns() > options_.window_ns
                            ? model_.still_figure(model_.last_ns() - options_.window_ns, model_.last_ns())
                            : model_.whole_figure();
  label(figure);
  return figure;
}

Result<void> PlotSession::write_pictures() {
  if (options_.svg_path.empty() && options_.png_path.empty()) return {};
  const view::Figure figure = final_figure();
  if (!options_.svg_path.empty()) {
    auto written = replace_file(options_.svg_path, view::svg_of(figure, options_.width, options_.height));
    if (!written) return written;
  }
  if (!options_.png_path.empty()) {
    const auto bytes = view::png_of(figure, options_.width, options_.height);
    if (!bytes) return tl::make_unexpected(bytes.error());
    auto written = replace_file(options_.png_path, *bytes);
    if (!written) return written;
  }
  return {};
}

void PlotSession::refresh_pictures(std::int64_t now_ns) {
  if (picture_failed_ || model_.sample_count() < 2) return;
  if (pictures_written_ns_ && now_ns - *pictures_written_ns_ < kPictureIntervalNs) return;
  pictures_written_ns_ = now_ns;
  if (auto written = write_pictures(); !written) {
    // A full disk may have room again at the end; one message now is enough.
    picture_failed_ = true;
    context_.warn(written.error().message());
  }
}

void PlotSession::print_final_plot() {
  const TerminalSize size = terminal_size(context_.out.fd());
  view::Grid grid(std::min(size.columns, 200), std::clamp(size.rows - 2, 4, kPlainRows));
  draw_figure(grid, final_figure(), {plain_dots(), {}});
  context_.out.write(context_.color ? grid.text_with_color() : grid.text());
  context_.out.flush();
}

void PlotSession::print_summary() {
  view::Table table({{"", view::Align::left, 0, 12},
                     {"min", view::Align::quantity},
                     {"mean", view::Align::quantity, 2},
                     {"max", view::Align::quantity},
                     {"last", view::Align::quantity, 1}});
  for (const view::PlotModel::LineState& line : model_.lines()) {
    const auto& summary = line.track.summary();
    const auto cell = [&](double value) { return format_quantity(value, line.unit); };
    if (summary) {
      table.row({line.name, cell(summary->minimum), cell(summary->mean), cell(summary->maximum),
                 cell(summary->last)});
    } else {
      table.row({line.name, "no data", "", "", ""});
    }
  }
  context_.err.write(fmt::format("{} samples in {}\n", model_.sample_count(),
                                 format_duration_ns(static_cast<double>(model_.last_ns()))));
  context_.err.write(table.text(terminal_size(context_.err.fd()).columns));
  for (const view::FigureEvent& event : model_.events())
    context_.err.write(
        fmt::format("{:>9}  {}\n", format_duration_ns(static_cast<double>(event.time_ns)), event.text));
  if (model_.refused_events() > 0)
    context_.err.write(fmt::format("{} more events are not shown\n", model_.refused_events()));
  context_.err.flush();
}

int PlotSession::finish(bool interrupted) {
  if (recorder_) {
    const auto finished = recorder_->finish();
    if (!finished) return context_.report(finished.error());
    context_.note(fmt::format("wrote {} samples to {}", recorder_->appended_samples(),
                              printable(options_.record_path)));
  }
  if (model_.sample_count() == 0)
    return context_.report({ErrorKind::failed, 0, "there was no data to plot", {}});
  if (!checked_) {
    // Nothing in the whole recording may be what was asked for.
    if (auto matched = selection_.check_matched(table_); !matched) return context_.report(matched.error());
    if (auto fixed = apply_fixed(); !fixed) return context_.report(fixed.error());
  }
  if (auto written = write_pictures(); !written) return context_.report(written.error());
  data_.finish(model_, title_, interrupted);
  const bool has_picture = !options_.svg_path.empty() || !options_.png_path.empty();
  if (!prints_data() && !rows_printed_ && (live_ || !has_picture)) print_final_plot();
  print_summary();
  return interrupted && options_.is_planned() ? kExitCutShort : kExitOk;
}

}  // namespace isotach::command
