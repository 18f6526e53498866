#include "command/traffic/sinks.h"

#include <fmt/format.h>

#include <utility>

#include "base/text.h"
#include "command/record_info.h"

namespace isotach::command {

Result<std::unique_ptr<TrafficSinks>> TrafficSinks::open(Context& context, const Arguments& arguments,
                                                         const TrafficCommandOptions& options,
                                                         HostNames* names) {
  std::unique_ptr<TrafficSinks> sinks(new TrafficSinks(names));
  sinks->csv_ = options.format == Format::csv;
  sinks->report_ = traffic_report_of(options, sinks->csv_ ? Format::csv : Format::json_stream);
  if (options.log_file) {
    std::string head;
    if (sinks->csv_) {
      view::CsvWriter csv;
      write_traffic_csv_head(csv, sinks->report_.bys.front());
      head = csv.take();
    }
    auto log = RotatedLog::open(*options.log_file, options.rotation, std::move(head), context.clock);
    if (!log) return tl::make_unexpected(std::move(log.error()));
    sinks->log_.emplace(std::move(*log));
  }
  if (options.collector) {
    auto feed = IpfixFeed::open(*options.collector);
    if (!feed) return tl::make_unexpected(std::move(feed.error()));
    sinks->ipfix_ = std::move(*feed);
  }
  if (options.record_file) {
    auto recorder = TrafficRecorder::create(
        *options.record_file,
        recording_info(context, arguments, kernel::SystemRoot(), context.clock.now(), options.interval_ns));
    if (!recorder) return tl::make_unexpected(std::move(recorder.error()));
    sinks->recorder_ = std::move(*recorder);
  }
  return sinks;
}

Result<void> TrafficSinks::add(const TrafficSession& session) {
  if (ipfix_) ipfix_->add(session.newest(), false);
  if (recorder_) recorder_->add(session.newest(), session.rates());
  if (!log_ || session.rates() == nullptr) return {};
  if (csv_) {
    view::CsvWriter csv;
    write_traffic_csv(csv, session, report_, names_);
    return log_->write(csv.take());
  }
  view::JsonWriter json;
  write_traffic_json(json, session, report_, names_);
  return log_->write(json.take() + '\n');
}

void TrafficSinks::send_rest(const TrafficSession& session) {
  if (ipfix_) ipfix_->add(session.newest(), true);
}

std::string TrafficSinks::take_notice() {
  if (!recorder_ || recording_failed_ || !recorder_->error()) return {};
  recording_failed_ = true;
  return "recording stopped: " + recorder_->error()->message();
}

Result<void> TrafficSinks::finish(Context& context) {
  if (ipfix_) {
    const std::string sent = fmt::format("{} flow records sent to the collector", ipfix_->sent_records());
    if (ipfix_->lost_records() > 0) {
      context.warn(
          fmt::format("{}, {} lost: {}", sent, ipfix_->lost_records(), printable(ipfix_->last_error())));
    } else {
      context.note(sent);
    }
  }
  if (!recorder_) return {};
  if (recorder_->left_out() > 0)
    context.warn("not all flows found a place in the recording: it holds 65536 series");
  return recorder_->finish();
}

}  // namespace isotach::command
