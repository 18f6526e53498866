// Flow records to an IPFIX collector (RFC 7011) over UDP: what each flow carried since its record before,
// every ten seconds, when it ends, and at the end.
//
// A collector that does not answer, or a full socket buffer, loses records, which are counted; nothing waits.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/fd.h"
#include "base/result.h"
#include "command/ipfix_collector.h"
#include "network/traffic/snapshot.h"
#include "view/export/ipfix.h"

namespace isotach::command {

class IpfixFeed {
 public:
  // Looks the name up, which may take its time.
  [[nodiscard]] static Result<std::unique_ptr<IpfixFeed>> open(const std::string& collector);

  // Every snapshot, in order. `last`: all that was not sent yet is, also when it is the one before once more.
  void add(const network::TrafficSnapshot& snapshot, bool last);

  [[nodiscard]] std::uint64_t sent_records() const { return sent_records_; }
  [[nodiscard]] std::uint64_t lost_records() const { return lost_records_; }
  [[nodiscard]] const std::string& last_error() const { return last_error_; }

  static constexpr std::int64_t kActiveNs = 10'000'000'000;

 private:
  struct Sent {
    network::TwoWay traffic;
    std::int64_t until_ns = 0;  // CLOCK_MONOTONIC
  };

  explicit IpfixFeed(Fd socket) : socket_(std::move(socket)), encoder_(1) {}
  void collect(const network::TrafficSnapshot& snapshot, const network::TrafficFlow& flow);
  void send(const network::TrafficSnapshot& snapshot);

  Fd socket_;
  view::IpfixEncoder encoder_;
  std::unordered_map<std::uint64_t, Sent> sent_;  // by the flow's id; of those that live
  std::vector<view::IpfixFlow> waiting_;
  std::int64_t next_ns_ = 0;
  std::int64_t told_ns_ = 0;  // of the snapshot before
  std::uint64_t sent_records_ = 0, lost_records_ = 0;
  std::string last_error_;
};

}  // namespace isotach::command
