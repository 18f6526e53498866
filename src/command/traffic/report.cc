#include <cstdlib>

#include "command/live_loop.h"
#include "command/traffic/run.h"

namespace isotach::command {
namespace {

class TrafficRun {
 public:
  TrafficRun(Context& context, const TrafficCommandOptions& options, TrafficSession& session,
             TrafficSinks& sinks, HostNames* names)
      : context_(context),
        options_(options),
        session_(session),
        sinks_(sinks),
        names_(names),
        report_(traffic_report_of(options, options.format)) {}

  Result<LiveEnd> run() {
    LiveLoop loop(
        context_, nullptr,
        {.interval_ns = options_.interval_ns, .count = count(), .duration_ns = options_.duration_ns});
    auto ended = loop.run({.sample = [this] { return sample(); }, .draw = {}, .key = {}});
    if (!ended) return ended;
    // What was counted since the last sample belongs to the report, too.
    if (*ended == LiveEnd::interrupted) {
      if (auto read = session_.read(); !read) return tl::make_unexpected(std::move(read.error()));
      if (auto added = sinks_.add(session_); !added) return tl::make_unexpected(std::move(added.error()));
    }
    sinks_.send_rest(session_);
    const bool cut_short = *ended == LiveEnd::interrupted && options_.is_planned();
    report_.interrupted = cut_short;
    if (!is_stream() && !options_.log_file && session_.rates() != nullptr) {
      if (names_ != nullptr) ask_for_names();
      write();
    }
    return ended;
  }

 private:
  [[nodiscard]] bool is_stream() const {
    return options_.format == Format::json_stream || options_.format == Format::csv;
  }
  // A report needs one interval; what is written elsewhere goes on until it is stopped.
  [[nodiscard]] std::optional<std::uint64_t> count() const {
    if (options_.is_planned()) return options_.count;
    const bool goes_on = is_stream() || options_.log_file || options_.collector || options_.record_file;
    return goes_on ? std::nullopt : std::optional<std::uint64_t>(1);
  }

  // A file is no narrower than what is to be said; COLUMNS wins, as everywhere.
  [[nodiscard]] int columns() const {
    constexpr int kFileColumns = 200;
    const bool known = context_.out_is_terminal || std::getenv("COLUMNS") != nullptr;
    return known ? terminal_size(context_.out.fd()).columns : kFileColumns;
  }

  // What is printed once may wait a moment for the names in it.
  void ask_for_names() {
    constexpr std::int64_t kWaitNs = kNanosecondsPerSecond;
    (void)traffic_text(session_, report_, columns(), names_);
    names_->wait(kWaitNs);
  }

  Result<void> sample() {
    if (auto read = session_.read(); !read) return read;
    say_what_is_unseen();
    if (auto added = sinks_.add(session_); !added) return added;
    if (const std::string notice = sinks_.take_notice(); !notice.empty()) context_.warn(notice);
    if (is_stream() && !options_.log_file) write();
    return {};
  }

  // The table has the reason in it; what goes to a program may lose it there: `| jq .hosts` shows just "[]".
  void say_what_is_unseen() {
    const network::TrafficSnapshot& now = session_.now();
    if (said_unseen_ || options_.format == Format::table || now.method != network::TrafficMethod::counters ||
        now.reason.empty())
      return;
    said_unseen_ = true;
    context_.warn("only the interfaces' counters and TCP sockets are seen: " + now.reason +
                  (now.remedy.empty() ? "" : "; " + now.remedy));
  }

  void write() {
    switch (options_.format) {
      case Format::table:
        context_.out.write(traffic_text(session_, report_, columns(), names_));
        break;
      case Format::csv: {
        view::CsvWriter csv;
        if (!head_written_) write_traffic_csv_head(csv, report_.bys.front());
        head_written_ = true;
        write_traffic_csv(csv, session_, report_, names_);
        context_.out.write(csv.take());
        break;
      }
      case Format::json:
      case Format::json_stream: {
        view::JsonWriter json;
        write_traffic_json(json, session_, report_, names_);
        context_.out.write(json.take() + '\n');
        break;
      }
    }
    context_.out.flush();
  }

  Context& context_;
  const TrafficCommandOptions& options_;
  TrafficSession& session_;
  TrafficSinks& sinks_;
  HostNames* names_;
  TrafficReport report_;
  bool head_written_ = false;
  bool said_unseen_ = false;
};

}  // namespace

int run_traffic_report(Context& context, const TrafficCommandOptions& options,
                       std::unique_ptr<TrafficSession> session, TrafficSinks& sinks, HostNames* names) {
  const auto ended = TrafficRun(context, options, *session, sinks, names).run();
  session.reset();  // what was attached is taken away before anything is said
  if (!ended) return context.report(ended.error());
  if (auto finished = sinks.finish(context); !finished) return context.report(finished.error());
  return *ended == LiveEnd::interrupted && options.is_planned() ? kExitCutShort : kExitOk;
}

}  // namespace isotach::command
