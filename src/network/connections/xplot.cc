#include "network/connections/xplot.h"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <iterator>

namespace isotach::network {
namespace {

constexpr std::size_t kPiece = std::size_t{64} << 10;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kFarAway = std::int64_t{1} << 30;

constexpr const char* kNames[] = {"tsg", "owin", "rtt", "ssize"};
constexpr const char* kTitles[] = {"time sequence graph", "outstanding data", "rtt samples", "segment size"};
constexpr const char* kAxes[] = {"sequence offset", "outstanding data (bytes)", "rtt (ms)",
                                 "segment size (bytes)"};

void append_time(std::string& text, std::int64_t time_ns) {
  std::int64_t seconds = time_ns / kSecondNs;
  std::int64_t rest = time_ns % kSecondNs;
  if (rest < 0) {
    rest += kSecondNs;
    --seconds;
  }
  fmt::format_to(std::back_inserter(text), "{}.{:09}", seconds, rest);
}

}  // namespace

std::string XplotWriter::letters(std::size_t number) {
  std::string text;
  for (++number; number > 0; number = (number - 1) / 26)
    text.insert(text.begin(), static_cast<char>('a' + (number - 1) % 26));
  return text;
}

void XplotWriter::begin(std::size_t index, const Connection& connection, Both& both) {
  const std::string a = letters(index * 2);
  const std::string b = letters(index * 2 + 1);
  const std::string host_a = endpoint_text(connection.key.source_address(), connection.key.source_port);
  const std::string host_b =
      endpoint_text(connection.key.destination_address(), connection.key.destination_port);
  for (std::size_t side = 0; side < 2; ++side) {
    for (std::size_t kind = 0; kind < kKinds; ++kind) {
      File& file = both[side].files[kind];
      file.name = fmt::format("{}/{}2{}_{}.xpl", folder_, side == 0 ? a : b, side == 0 ? b : a, kNames[kind]);
      file.text =
          fmt::format("timeval double\ntitle\n{}_==>_{} ({})\nxlabel\ntime\nylabel\n{}\n",
                      side == 0 ? host_a : host_b, side == 0 ? host_b : host_a, kTitles[kind], kAxes[kind]);
    }
  }
}

void XplotWriter::set_color(File& file, const char* color) {
  if (file.color == color) return;
  file.color = color;
  file.text += color;
  file.text += '\n';
}

void XplotWriter::line(File& file, const char* color, std::int64_t x1, double y1, std::int64_t x2,
                       double y2) {
  set_color(file, color);
  file.text += "line ";
  append_time(file.text, x1);
  fmt::format_to(std::back_inserter(file.text), " {:.10g} ", y1);
  append_time(file.text, x2);
  fmt::format_to(std::back_inserter(file.text), " {:.10g}\n", y2);
  if (file.text.size() >= kPiece) write_out(file);
}

void XplotWriter::point(File& file, const char* color, const char* shape, std::int64_t x, double y) {
  set_color(file, color);
  file.text += shape;
  file.text += ' ';
  append_time(file.text, x);
  fmt::format_to(std::back_inserter(file.text), " {:.10g}\n", y);
  if (file.text.size() >= kPiece) write_out(file);
}

void XplotWriter::label(File& file, const char* color, std::int64_t x, double y, const char* text) {
  point(file, color, "atext", x, y);
  file.text += text;
  file.text += '\n';
}

void XplotWriter::write_out(File& file) {
  if (file.text.empty() || error_ != 0) {
    file.text.clear();
    return;
  }
  std::FILE* out = std::fopen(file.name.c_str(), file.begun ? "ae" : "we");
  bool good = out != nullptr;
  if (good) {
    if (!file.begun) ++files_;
    good = std::fwrite(file.text.data(), 1, file.text.size(), out) == file.text.size();
    good = std::fclose(out) == 0 && good;
  }
  if (!good) {
    error_ = errno == 0 ? EIO : errno;
    failed_ = file.name;
  }
  file.begun = true;
  file.text.clear();
}

void XplotWriter::see(std::size_t index, const Connection& connection, int side, const SeenSegment& segment,
                      const SegmentVerdict& verdict) {
  if (!wanted_(index)) return;
  if (index >= all_.size()) all_.resize(index + 1);
  auto& both = all_[index];
  if (!both) {
    if (used_ >= kMostConnections) {
      if (segment.head.has(kTcpSyn)) ++left_out_;
      return;
    }
    ++used_;
    both = std::make_unique<Both>();
    begin(index, connection, *both);
  }
  sent((*both)[static_cast<std::size_t>(side)], segment, verdict);
  answered((*both)[static_cast<std::size_t>(1 - side)], segment, verdict);
}

void XplotWriter::sent(Flow& me, const SeenSegment& segment, const SegmentVerdict& verdict) {
  const std::int64_t now = segment.time_ns;
  File& tsg = me.files[kSequence];
  const TcpHeader& head = segment.head;
  if (head.has(kTcpRst)) {
    if (me.numbers.begun)
      label(tsg, "red", now, static_cast<double>(me.numbers.position(head.sequence)), "RST");
    return;
  }
  if (verdict.kind == SegmentKind::plain) return;
  const auto low = static_cast<double>(me.numbers.advance_to(head.sequence));
  const double length = static_cast<double>(std::max<std::int64_t>(segment.data_length, 0)) +
                        (head.has(kTcpSyn) ? 1 : 0) + (head.has(kTcpFin) ? 1 : 0);
  const double high = low + length;
  const char* color = verdict.kind == SegmentKind::retransmission ? "red" : "white";
  line(tsg, color, now, low, now, high);
  point(tsg, color, "darrow", now, low);
  point(tsg, color, "uarrow", now, high);
  if (head.has(kTcpPsh) && segment.data_length > 0) point(tsg, color, "diamond", now, high);
  if (head.has(kTcpSyn)) label(tsg, "orange", now, high, "SYN");
  if (head.has(kTcpFin)) label(tsg, "orange", now, high, "FIN");
  switch (verdict.kind) {
    case SegmentKind::retransmission:
      label(tsg, "red", now, high, "R");
      break;
    case SegmentKind::out_of_order:
      label(tsg, "pink", now, high, "O");
      break;
    case SegmentKind::duplicate:
      label(tsg, "blue", now, high, "HD");
      break;
    case SegmentKind::probe:
      label(tsg, "orange", now, high, "P");
      break;
    default:
      break;
  }
  if (segment.data_length <= 0) return;
  point(me.files[kSize], "red", "dot", now, static_cast<double>(segment.data_length));
  if (verdict.kind == SegmentKind::fresh && me.has_ack)
    point(me.files[kFlight], "red", "dot", now, high - static_cast<double>(me.ack));
}

void XplotWriter::answered(Flow& flow, const SeenSegment& segment, const SegmentVerdict& verdict) {
  const TcpHeader& head = segment.head;
  if (!head.has(kTcpAck) || head.has(kTcpRst) || !flow.numbers.begun) return;
  const std::int64_t now = segment.time_ns;
  const std::int64_t ack = flow.numbers.position(head.acknowledgement);
  if (std::abs(ack - flow.numbers.latest_position) > kFarAway) return;
  File& tsg = flow.files[kSequence];
  const std::int64_t edge = ack + static_cast<std::int64_t>(verdict.window);
  if (!flow.has_ack) {
    flow.has_ack = true;
    flow.ack = ack;
    flow.edge = edge;
  } else if (now >= flow.ack_ns) {
    line(tsg, "green", flow.ack_ns, static_cast<double>(flow.ack), now, static_cast<double>(flow.ack));
    if (ack > flow.ack) {
      line(tsg, "green", now, static_cast<double>(flow.ack), now, static_cast<double>(ack));
    } else if (segment.data_length == 0) {
      point(tsg, "green", "dtick", now, static_cast<double>(flow.ack));
    }
    line(tsg, "yellow", flow.edge_ns, static_cast<double>(flow.edge), now, static_cast<double>(flow.edge));
    if (edge != flow.edge)
      line(tsg, "yellow", now, static_cast<double>(flow.edge), now, static_cast<double>(edge));
    line(flow.files[kFlight], "yellow", flow.edge_ns, static_cast<double>(flow.edge - flow.ack), now,
         static_cast<double>(flow.edge - flow.ack));
  }
  if (verdict.window == 0) label(tsg, "yellow", now, static_cast<double>(ack), "Z");
  flow.ack = std::max(flow.ack, ack);
  flow.edge = edge;
  flow.ack_ns = flow.edge_ns = now;
  if (verdict.rtt_ns >= 0) point(flow.files[kRtt], "red", "dot", now, verdict.rtt_ns / 1e6);
  for (std::uint32_t i = 0; i < segment.options.sack_blocks; ++i) {
    const SackBlock& block = segment.options.sack[i];
    const std::int64_t left = flow.numbers.position(block.left);
    line(tsg, "purple", now, static_cast<double>(left), now,
         static_cast<double>(left + static_cast<std::int32_t>(block.right - block.left)));
    label(tsg, "purple", now, static_cast<double>(left), "S");
  }
}

Result<void> XplotWriter::finish() {
  for (auto& both : all_) {
    if (!both) continue;
    for (Flow& flow : *both) {
      // A side that never spoke has no file, nor has a kind of which nothing was seen.
      for (File& file : flow.files) {
        if (!file.begun && *file.color == 0) continue;
        file.text += "go\n";
        write_out(file);
      }
    }
  }
  if (error_ != 0) return system_failure(error_, "write " + failed_);
  return {};
}

}  // namespace isotach::network
