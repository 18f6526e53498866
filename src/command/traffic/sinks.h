// Where traffic goes besides the screen: a log that is rotated, a recording, an IPFIX collector.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "command/context.h"
#include "command/spec.h"
#include "command/traffic/export.h"
#include "command/traffic/ipfix_feed.h"
#include "command/traffic/options.h"
#include "command/traffic/recorded.h"
#include "command/traffic/rotated_log.h"
#include "command/traffic/session.h"

namespace isotach::command {

class TrafficSinks {
 public:
  [[nodiscard]] static Result<std::unique_ptr<TrafficSinks>> open(Context& context,
                                                                  const Arguments& arguments,
                                                                  const TrafficCommandOptions& options,
                                                                  HostNames* names);
  // After each reading. Fails when the log cannot be written: it is what the run is for.
  [[nodiscard]] Result<void> add(const TrafficSession& session);
  // At the end: flow records of what was not sent yet.
  void send_rest(const TrafficSession& session);
  // A word about what went wrong on the way, once; empty for none.
  [[nodiscard]] std::string take_notice();
  // Ends the recording and says what was lost.
  [[nodiscard]] Result<void> finish(Context& context);

 private:
  explicit TrafficSinks(HostNames* names) : names_(names) {}

  HostNames* names_;
  TrafficReport report_;
  bool csv_ = false;
  std::optional<RotatedLog> log_;
  std::unique_ptr<IpfixFeed> ipfix_;
  std::unique_ptr<TrafficRecorder> recorder_;
  bool recording_failed_ = false;
};

}  // namespace isotach::command
