#include "network/connections/tcptrace_text.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iterator>

#include "network/connections/sent_record.h"
#include "network/connections/stream_length.h"

namespace isotach::network {
namespace {

constexpr double kMicrosecondsPerSecond = 1e6;
constexpr std::int64_t kSecondNs = 1'000'000'000;

template <class... Arguments>
std::string print(const char* format, Arguments... arguments) {
  char text[256];
  std::snprintf(text, sizeof text, format, arguments...);
  return text;
}

double average(const TimeSamples& samples) {
  return samples.sum / (samples.count + .0001);
}

double deviation(const TimeSamples& samples) {
  if (samples.count <= 2) return 0;
  const double square_of_sum = samples.sum * samples.sum / samples.count;
  return std::sqrt((samples.sum_of_squares - square_of_sum) / (samples.count - 1));
}

// "a" to "z", then "aa" and on.
std::string host_letter(std::size_t index) {
  std::string letters;
  for (++index; index > 0; index = (index - 1) / 26)
    letters.insert(letters.begin(), static_cast<char>('a' + (index - 1) % 26));
  return letters;
}

std::string address_text(const IpAddress& address) {
  if (address.version == 4) return address.text();
  std::string text;
  bool shortened = false;
  bool shortening = false;
  for (unsigned i = 0; i < 8; ++i) {
    const unsigned number = address.bytes[2 * i] * 256u + address.bytes[2 * i + 1];
    if (number == 0) {
      if (shortening) {
        if (i != 7) continue;
      } else if (!shortened) {
        shortening = true;
        continue;
      }
    }
    if (shortening) {
      shortening = false;
      shortened = true;
      text += ':';
    }
    text += print("%04x:", number);
  }
  if (!text.empty()) text.pop_back();
  return text;
}

// Of a line, whose width is that of tcptrace: "     label:             value units", the value to the right.
constexpr std::size_t kIndent = 5;
constexpr std::size_t kLabelWidth = 18;
constexpr std::size_t kValueWidth = 9;
constexpr std::size_t kUnitsWidth = 5;
// Digits of the largest double, and some more.
constexpr std::size_t kNumberBytes = 400;

// The lines of a connection, each with the value of both directions. Written without printf: there are 150
// numbers for each of very many connections.
class Lines {
 public:
  Lines(const Connection& connection, std::string& text) : connection_(connection), text_(text) {}

  // `value` gives the text for a direction.
  template <class Value>
  void line(std::string_view label, std::string_view units, Value value) {
    side(label, units, value(connection_.a()));
    side(label, units, value(connection_.b()));
    text_ += '\n';
  }
  template <class Value>
  void number(std::string_view label, std::string_view units, Value value) {
    for (const Direction& direction : connection_.directions)
      side(label, units, static_cast<std::uint64_t>(value(direction)));
    text_ += '\n';
  }
  template <class Value>
  void trouble(std::string_view label, std::string_view units, Value value) {
    static const Troubles kNone;
    number(label, units,
           [&](const Direction& direction) { return value(direction.trouble ? *direction.trouble : kNone); });
  }
  // Units are left out where there is no value.
  template <class Value>
  void real(std::string_view label, std::string_view units, int decimals, Value value) {
    for (const Direction& direction : connection_.directions) side(label, units, value(direction), decimals);
    text_ += '\n';
  }
  template <class Value>
  void milliseconds(std::string_view label, Value value) {
    real(label, "ms", 1, [&](const Direction& direction) { return value(direction) / 1000.0; });
  }
  void samples(std::string_view label_min, std::string_view label_max, std::string_view label_avg,
               std::string_view label_dev, const TimeSamples& (*of)(const Direction&)) {
    milliseconds(label_min, [&](const Direction& one) { return static_cast<double>(of(one).least); });
    milliseconds(label_max, [&](const Direction& one) { return static_cast<double>(of(one).most); });
    milliseconds(label_avg, [&](const Direction& one) { return average(of(one)); });
    milliseconds(label_dev, [&](const Direction& one) { return deviation(of(one)); });
  }
  void side(std::string_view label, std::string_view units, std::string_view value) {
    const std::size_t before = value.size() < kValueWidth ? kValueWidth - value.size() : 0;
    const std::size_t label_end = kIndent + std::max(kLabelWidth, label.size() + 1) + 1;
    const std::size_t value_end = label_end + before + value.size();
    const std::size_t old = text_.size();
    text_.resize(old + value_end + 1 + std::max(kUnitsWidth, units.size()), ' ');
    char* at = text_.data() + old;
    std::memcpy(at + kIndent, label.data(), label.size());
    at[kIndent + label.size()] = ':';
    std::memcpy(at + label_end + before, value.data(), value.size());
    std::memcpy(at + value_end + 1, units.data(), units.size());
  }
  void side(std::string_view label, std::string_view units, std::uint64_t value) {
    char digits[24];
    side(label, units, std::string_view(digits, std::to_chars(digits, std::end(digits), value).ptr));
  }
  void side(std::string_view label, std::string_view units, double value, int decimals) {
    if (!std::isfinite(value)) return side(label, "", "NA");
    char digits[kNumberBytes];
    const auto end = std::to_chars(digits, std::end(digits), value, std::chars_format::fixed, decimals).ptr;
    side(label, units, std::string_view(digits, end));
  }
  void gap() { text_ += '\n'; }

 private:
  const Connection& connection_;
  std::string& text_;
};

const char* yes(bool value) {
  return value ? "Y" : "N";
}

void write_counts(Lines& lines, const Connection& connection) {
  using D = const Direction&;
  using T = const Troubles&;
  const Direction& a = connection.a();
  const Direction& b = connection.b();
  lines.number("total packets", "", [](D one) { return one.packets; });
  if (a.resets > 0 || b.resets > 0) lines.number("resets sent", "", [](D one) { return one.resets; });
  lines.number("ack pkts sent", "", [](D one) { return one.ack_packets; });
  lines.number("pure acks sent", "", [](D one) { return one.pure_acks; });
  lines.trouble("sack pkts sent", "", [](T one) { return one.sack_packets; });
  lines.trouble("dsack pkts sent", "", [](T one) { return one.dsack_packets; });
  lines.trouble("max sack blks/ack", "", [](T one) { return one.max_sack_blocks; });
  lines.number("unique bytes sent", "", [](D one) { return one.unique_bytes; });
  lines.number("actual data pkts", "", [](D one) { return one.data_packets; });
  lines.number("actual data bytes", "", [](D one) { return one.data_bytes; });
  lines.trouble("rexmt data pkts", "", [](T one) { return one.retransmitted_packets; });
  lines.trouble("rexmt data bytes", "", [](T one) { return one.retransmitted_bytes; });
  lines.trouble("zwnd probe pkts", "", [](T one) { return one.probes; });
  lines.trouble("zwnd probe bytes", "", [](T one) { return one.probe_bytes; });
  lines.trouble("outoforder pkts", "", [](T one) { return one.out_of_order; });
  lines.number("pushed data pkts", "", [](D one) { return one.pushed_packets; });
  lines.line("SYN/FIN pkts sent", "",
             [](D one) { return std::to_string(one.syns) + '/' + std::to_string(one.fins); });
  if (a.asked_scale || b.asked_scale || a.asked_timestamps || b.asked_timestamps)
    lines.line("req 1323 ws/ts", "",
               [](D one) { return std::string(yes(one.asked_scale)) + '/' + yes(one.asked_timestamps); });
  if (a.asked_scale || b.asked_scale)
    lines.number("adv wind scale", "", [](D one) { return one.window_scale; });
  if (a.asked_sack || b.asked_sack) {
    lines.line("req sack", "", [](D one) { return yes(one.asked_sack); });
    lines.trouble("sacks sent", "", [](T one) { return one.sack_options; });
  }
  lines.trouble("urgent data pkts", "pkts", [](T one) { return one.urgent_packets; });
  lines.trouble("urgent data bytes", "bytes", [](T one) { return one.urgent_bytes; });
}

void write_sizes(Lines& lines, const Connection& connection, double elapsed_us) {
  using D = const Direction&;
  using T = const Troubles&;
  lines.number("mss requested", "bytes", [](D one) { return one.mss; });
  lines.number("max segm size", "bytes", [](D one) { return one.segment_max; });
  lines.number("min segm size", "bytes", [](D one) { return one.segment_min; });
  lines.number("avg segm size", "bytes", [](D one) {
    return static_cast<int>(static_cast<double>(one.data_bytes) /
                            (static_cast<double>(one.data_packets) + .001));
  });
  lines.number("max win adv", "bytes", [](D one) { return one.window_max; });
  lines.number("min win adv", "bytes", [](D one) { return one.window_min; });
  lines.trouble("zero win adv", "times", [](T one) { return one.zero_windows; });
  const bool scaled = connection.a().scaling_counted && connection.b().scaling_counted;
  lines.number("avg win adv", "bytes", [scaled](D one) {
    const std::uint64_t packets = scaled ? one.window_packets : one.packets;
    return packets == 0 ? 0 : one.window_total / packets;
  });
  lines.number("max owin", "bytes", [](D one) { return one.outstanding_max; });
  lines.number("min non-zero owin", "bytes", [](D one) { return one.outstanding_min; });
  lines.number("avg owin", "bytes", [](D one) {
    return one.outstanding_count == 0 ? 0 : one.outstanding_total / one.outstanding_count;
  });
  if (elapsed_us == 0) {
    lines.line("wavg owin", "", [](D) { return "NA"; });
  } else {
    lines.number("wavg owin", "bytes", [elapsed_us](D one) {
      return cut_off(static_cast<double>(one.outstanding_weighted) / (elapsed_us / kMicrosecondsPerSecond));
    });
  }
  lines.number("initial window", "bytes", [](D one) { return one.initial_window_bytes; });
  lines.number("initial window", "pkts", [](D one) { return one.initial_window_packets; });
}

void write_stream(Lines& lines, std::string& text, const Connection& connection) {
  for (const bool missed : {false, true}) {
    for (const Direction& one : connection.directions) {
      const char* label = missed ? "missed data" : "ttl stream length";
      const auto length = stream_length(one);
      if (!length) {
        lines.side(label, "", "NA");
        continue;
      }
      // Below 0 it wraps around (fault 4).
      const std::uint64_t value = *length - (missed ? one.unique_bytes : 0);
      lines.side(label, "bytes", value);
    }
    text += '\n';
  }
}

void write_times(Lines& lines, std::string& text, const Connection& connection, double elapsed_us) {
  using D = const Direction&;
  lines.number("truncated data", "bytes", [](D one) { return one.truncated_bytes; });
  lines.number("truncated packets", "pkts", [](D one) { return one.truncated_packets; });
  lines.real("data xmit time", "secs", 3, [](D one) {
    return elapsed_units(Rules::tcptrace, one.first_data_ns, one.last_data_ns) / kMicrosecondsPerSecond;
  });
  for (D one : connection.directions) {
    if (one.last_ns == 0)
      lines.side("idletime max", "ms", "NA");
    else
      lines.side("idletime max", "ms", static_cast<double>(one.idle_max_ns / 1000) / 1000.0, 1);
  }
  lines.gap();
  const auto duplicated = [](D one) { return one.trouble ? one.trouble->duplicated : 0; };
  if (duplicated(connection.a()) != 0 || duplicated(connection.b()) != 0) {
    lines.number("hardware dups", "segs", duplicated);
    text += "       ** WARNING: presence of hardware duplicates makes these figures suspect!\n";
  }
  if (elapsed_us == 0) {
    lines.line("throughput", "", [](D) { return "NA"; });
  } else {
    lines.real("throughput", "Bps", 0, [elapsed_us](D one) {
      return static_cast<double>(one.unique_bytes) / (elapsed_us / kMicrosecondsPerSecond);
    });
  }
}

void write_rtt(Lines& lines, std::string& text, const Connection& connection) {
  using D = const Direction&;
  using T = const Troubles&;
  lines.gap();
  lines.number("RTT samples", "", [](D one) { return one.rtt.count; });
  lines.samples("RTT min", "RTT max", "RTT avg", "RTT stdev",
                [](D one) -> const TimeSamples& { return one.rtt; });
  lines.gap();
  lines.milliseconds("RTT from 3WHS", [](D one) { return static_cast<double>(one.rtt_handshake); });
  lines.gap();
  lines.number("RTT full_sz smpls", "", [](D one) { return one.rtt_full.count; });
  lines.samples("RTT full_sz min", "RTT full_sz max", "RTT full_sz avg", "RTT full_sz stdev",
                [](D one) -> const TimeSamples& { return one.rtt_full; });
  lines.gap();
  lines.trouble("post-loss acks", "", [](T one) { return one.post_loss_acks; });
  const auto ambiguous = [](D one) { return one.trouble ? one.trouble->ambiguous_acks : 0; };
  if (ambiguous(connection.a()) != 0 || ambiguous(connection.b()) != 0) {
    text +=
        "\t  For the following 5 RTT statistics, only ACKs for\n"
        "\t  multiply-transmitted segments (ambiguous ACKs) were\n"
        "\t  considered.  Times are taken from the last instance\n"
        "\t  of a segment.\n";
    lines.number("ambiguous acks", "", ambiguous);
    static const TimeSamples kNone;
    lines.samples("RTT min (last)", "RTT max (last)", "RTT avg (last)", "RTT sdv (last)",
                  [](D one) -> const TimeSamples& { return one.trouble ? one.trouble->rtt_last : kNone; });
  }
  lines.number("segs cum acked", "", [](D one) { return one.cumulatively_acked; });
  lines.number("duplicate acks", "", [](D one) { return one.duplicate_acks; });
  lines.trouble("triple dupacks", "", [](T one) { return one.triple_duplicate_acks; });
  lines.trouble("max # retrans", "", [](T one) { return one.max_retransmissions; });
  static const TimeSamples kNone;
  lines.samples(
      "min retr time", "max retr time", "avg retr time", "sdv retr time",
      [](D one) -> const TimeSamples& { return one.trouble ? one.trouble->between_transmissions : kNone; });
}

}  // namespace

std::string tcptrace_elapsed(std::int64_t elapsed_ns) {
  const double elapsed_us = static_cast<double>(elapsed_ns / 1000);
  const auto seconds = static_cast<unsigned long>(elapsed_us / kMicrosecondsPerSecond);
  const auto rest = static_cast<unsigned long>(
      1000000 * (elapsed_us / kMicrosecondsPerSecond - static_cast<double>(seconds)));
  return print("%lu:%02lu:%02lu.%06lu", seconds / 3600, seconds % 3600 / 60, seconds % 3600 % 60, rest);
}

std::string_view TcptraceWriter::moment(std::int64_t time_ns) {
  if (time_ns == 0) return "       <the epoch>       ";
  const std::int64_t fraction_ns = (time_ns % kSecondNs + kSecondNs) % kSecondNs;
  const std::int64_t second = (time_ns - fraction_ns) / kSecondNs;
  // Neighbours begin in the same second.
  if (moment_.empty() || second != moment_second_) {
    const std::time_t seconds = second;
    std::tm local{};
    ::localtime_r(&seconds, &local);
    char text[48];
    std::strftime(text, sizeof text, "%a %b %e %H:%M:%S.000000 %Y", &local);
    moment_ = text;
    moment_second_ = second;
  }
  auto rest = static_cast<std::uint32_t>(fraction_ns / 1000);
  const std::size_t point = moment_.rfind('.');
  for (std::size_t digit = 6; digit > 0; --digit, rest /= 10)
    moment_[point + digit] = static_cast<char>('0' + rest % 10);
  return moment_;
}

std::string_view TcptraceWriter::text(const Connection& connection, std::size_t index,
                                      const std::string& file_name) {
  std::string& text = text_;
  text.clear();
  const std::string a = host_letter(2 * index);
  const std::string b = host_letter(2 * index + 1);
  const FlowKey& key = connection.key;
  const auto endpoint = [](const IpAddress& address, std::uint16_t port) {
    return address_text(address) + ':' + std::to_string(port);
  };
  const double elapsed_us = elapsed_units(Rules::tcptrace, connection.first_ns, connection.last_ns);
  if (index > 0) text += "================================\n";
  text += print("TCP connection %zu:\n", index + 1);
  text +=
      print("\thost %-4s      ", (a + ':').c_str()) + endpoint(key.source_address(), key.source_port) + '\n';
  text += print("\thost %-4s      ", (b + ':').c_str()) +
          endpoint(key.destination_address(), key.destination_port) + '\n';
  const bool complete = connection.sides_with_syn() == 2 && connection.sides_with_fin() == 2;
  text += print("\tcomplete conn: %s", connection.was_reset() ? "RESET" : complete ? "yes" : "no");
  text += complete
              ? "\n"
              : print("\t(SYNs: %d)  (FINs: %d)\n", connection.sides_with_syn(), connection.sides_with_fin());
  text.append("\tfirst packet:  ").append(moment(connection.first_ns));
  text.append("\n\tlast packet:   ").append(moment(connection.last_ns)) += '\n';
  text += "\telapsed time:  " + tcptrace_elapsed(connection.elapsed_ns()) + '\n';
  text += print("\ttotal packets: %llu\n", static_cast<unsigned long long>(connection.packets()));
  text += "\tfilename:      " + file_name + '\n';
  text += "   " + a + "->" + b + ":\t\t\t      " + b + "->" + a + ":\n";
  Lines lines(connection, text);
  write_counts(lines, connection);
  write_sizes(lines, connection, elapsed_us);
  write_stream(lines, text, connection);
  write_times(lines, text, connection, elapsed_us);
  write_rtt(lines, text, connection);
  return text;
}

}  // namespace isotach::network
