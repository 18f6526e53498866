#include "command/nettest/csv.h"

#include <fmt/format.h>

namespace isotach::command {
namespace {

template <class T>
std::string cell(const std::optional<T>& value) {
  return value ? fmt::format("{}", *value) : std::string();
}

}  // namespace

std::string nettest_csv_head() {
  return "stream,direction,start_s,end_s,omitted,bytes,bits_per_second,retransmits,cwnd_bytes,rtt_us,"
         "busy_ratio,window_limited_ratio,buffer_limited_ratio,datagrams,lost,out_of_order,duplicates,"
         "buffer_drops,jitter_s,transactions,mean_latency_ns,moved_by\n";
}

std::string nettest_csv_rows(const nettest::TestFacts& facts, const nettest::IntervalReport& report) {
  std::string text;
  const bool udp = facts.parameters.udp;
  for (std::size_t i = 0; i < report.streams.size(); ++i) {
    const nettest::StreamInterval& stream = report.streams[i];
    const bool sender = facts.streams[i].sender;
    const double rate = stream.seconds > 0 ? static_cast<double>(stream.bytes) * 8 / stream.seconds : 0;
    text +=
        fmt::format("{},{},{:.6f},{:.6f},{},{},{:.1f},", facts.streams[i].id, sender ? "sent" : "received",
                    report.start_s, report.end_s, report.omitted ? 1 : 0, stream.bytes, rate);
    if (stream.tcp && !udp) {
      text += fmt::format("{},{},{},", cell(stream.retransmits), stream.tcp->cwnd_bytes, stream.tcp->rtt_us);
    } else {
      text += ",,,";
    }
    text +=
        fmt::format("{},{},{},", cell(stream.busy), cell(stream.window_limited), cell(stream.buffer_limited));
    text += udp ? fmt::format("{},", stream.packets) : ",";
    if (udp && !sender) {
      text += fmt::format("{},{},{},{},{},", stream.lost, stream.out_of_order, stream.duplicates,
                          cell(stream.buffer_drops), stream.jitter_s);
    } else {
      text += ",,,,,";
    }
    if (facts.parameters.transaction != nettest::Transaction::none) {
      text += fmt::format("{},{},\n", stream.transactions, cell(stream.mean_latency_ns));
    } else {
      text += fmt::format(",,{}\n", stream.moved_by);
    }
  }
  return text;
}

}  // namespace isotach::command
