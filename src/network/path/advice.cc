#include "network/path/advice.h"

#include <fmt/format.h>
#include <net/if.h>

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "kernel/attribute.h"
#include "kernel/link_setting.h"

namespace isotach::path {
namespace {

constexpr double kUnscaledWindow = 65'535;
constexpr double kGoodEnough = 0.97;
constexpr std::uint64_t kStepBytes = 16 * 1024;

std::string sysctl(const std::string& root, const char* name) {
  const auto value = kernel::read_attribute(root + "/proc/sys/" + name);
  return value ? *value : std::string();
}

std::optional<std::array<std::uint64_t, 3>> three(const std::string& text) {
  const auto words = split_blanks(text);
  if (words.size() != 3) return std::nullopt;
  std::array<std::uint64_t, 3> numbers{};
  for (std::size_t i = 0; i < 3; ++i) {
    const auto number = parse_unsigned(words[i]);
    if (!number) return std::nullopt;
    numbers[i] = *number;
  }
  return numbers;
}

std::optional<bool> feature(kernel::LinkControl& control, unsigned index, const std::string& name,
                            const char* which) {
  const auto value = control.read({index, name}, std::string("feature:") + which);
  if (!value) return std::nullopt;
  return *value == "on";
}

double bps_of(double window_bytes, double rtt_ns) {
  return window_bytes * 8e9 / rtt_ns;
}

std::uint64_t rounded_up(double bytes) {
  return (static_cast<std::uint64_t>(bytes) + kStepBytes - 1) / kStepBytes * kStepBytes;
}

// One stream's steady rate with losses that are not its own doing (M. Mathis et al., 1997).
double mathis_bps(const PathNeeds& needs) {
  return 1.22 * static_cast<double>(needs.mss_bytes) * 8e9 / (needs.rtt_ns * std::sqrt(needs.loss));
}

class Adviser {
 public:
  Adviser(const PathNeeds& needs, const HostTcp& host) : needs_(needs), host_(host) {}

  Advice make() {
    advice_.bdp_bytes = needs_.capacity_bps * needs_.rtt_ns / 8e9;
    advice_.window_bytes = advice_.bdp_bytes;
    advice_.buffer_bytes = static_cast<double>(rounded_up(advice_.bdp_bytes * kBufferFactor));
    find_caps();
    if (host_.window_scaling == false) {
      change("sysctl -w net.ipv4.tcp_window_scaling=1", bps_of(kUnscaledWindow, needs_.rtt_ns),
             "without it no window exceeds 64 KiB; of connections made from then on, set it at both ends");
    }
    buffer("tcp_wmem", host_.wmem, kSendWindowShare, "what this host sends");
    buffer("tcp_rmem", host_.rmem, kReceiveWindowShare, "what this host receives");
    congestion();
    streams();
    notes();
    return std::move(advice_);
  }

 private:
  void add_cap(const std::string& by, double window_bytes, double bps) {
    advice_.caps.push_back({by, window_bytes, bps});
  }

  void find_caps() {
    if (host_.window_scaling == false)
      add_cap("window scaling off", kUnscaledWindow, bps_of(kUnscaledWindow, needs_.rtt_ns));
    const auto add_buffer = [&](const char* name, const auto& sizes, double share) {
      if (!sizes) return;
      const double window = static_cast<double>((*sizes)[2]) * share;
      add_cap(name, window, bps_of(window, needs_.rtt_ns));
    };
    add_buffer("tcp_wmem", host_.wmem, kSendWindowShare);
    add_buffer("tcp_rmem", host_.rmem, kReceiveWindowShare);
    if (needs_.loss > 0 && host_.congestion != "bbr")
      add_cap("loss with " + host_.congestion, 0, mathis_bps(needs_));
    std::sort(advice_.caps.begin(), advice_.caps.end(),
              [](const Cap& a, const Cap& b) { return a.bps < b.bps; });
  }

  void change(std::string command, double from_bps, std::string why) {
    advice_.changes.push_back(
        {std::move(command), std::min(from_bps, needs_.capacity_bps), needs_.capacity_bps, std::move(why)});
  }

  void buffer(const char* name, const std::optional<std::array<std::uint64_t, 3>>& sizes, double share,
              const char* what) {
    if (!sizes) return;
    const double from_bps = bps_of(static_cast<double>((*sizes)[2]) * share, needs_.rtt_ns);
    if (from_bps >= needs_.capacity_bps * kGoodEnough) return;
    change(
        fmt::format("sysctl -w net.ipv4.{}='{} {} {}'", name, (*sizes)[0], (*sizes)[1],
                    static_cast<std::uint64_t>(advice_.buffer_bytes)),
        from_bps,
        fmt::format("{}: at most {} under way, the path holds {}", what,
                    format_bytes(static_cast<double>((*sizes)[2]) * share), format_bytes(advice_.bdp_bytes)));
  }

  void congestion() {
    if (needs_.loss <= 0 || host_.congestion == "bbr" || host_.congestion.empty()) return;
    const double from_bps = mathis_bps(needs_);
    if (from_bps >= needs_.capacity_bps * 0.8) return;
    const auto names = split_blanks(host_.congestion_available);
    if (std::find(names.begin(), names.end(), "bbr") == names.end()) {
      advice_.notes.emplace_back("losses that no queue of ours explains hold " + host_.congestion +
                                 " down; bbr would bear them: modprobe tcp_bbr");
      return;
    }
    change("sysctl -w net.ipv4.tcp_congestion_control=bbr", from_bps,
           fmt::format("{} takes each loss for a full queue; {:.3g} % are lost here", host_.congestion,
                       needs_.loss * 100));
  }

  void streams() {
    const double lowest = advice_.caps.empty() ? needs_.capacity_bps : advice_.caps.front().bps;
    constexpr double kMost = 16;
    advice_.streams = static_cast<int>(
        std::clamp(std::ceil(needs_.capacity_bps * kGoodEnough / std::max(lowest, 1.0)), 1.0, kMost));
    // A call should carry a millisecond's worth: the cost of the call is then a small part.
    const double millisecond = needs_.capacity_bps / 8 / 1000;
    advice_.write_bytes =
        std::bit_ceil(static_cast<std::uint64_t>(std::clamp(millisecond, 16.0 * 1024, 1024.0 * 1024)));
  }

  void notes() {
    if (host_.rmem_max && static_cast<double>(*host_.rmem_max) < advice_.buffer_bytes)
      advice_.notes.push_back(
          fmt::format("programs that set SO_RCVBUF themselves get at most {} (net.core.rmem_max), and no "
                      "automatic growth: leave it unset, "
                      "or sysctl -w net.core.rmem_max={}",
                      format_bytes(static_cast<double>(*host_.rmem_max)),
                      static_cast<std::uint64_t>(advice_.buffer_bytes)));
    if (host_.wmem_max && static_cast<double>(*host_.wmem_max) < advice_.buffer_bytes)
      advice_.notes.push_back(
          fmt::format("programs that set SO_SNDBUF themselves get at most {} (net.core.wmem_max): leave it "
                      "unset, or sysctl -w "
                      "net.core.wmem_max={}",
                      format_bytes(static_cast<double>(*host_.wmem_max)),
                      static_cast<std::uint64_t>(advice_.buffer_bytes)));
    constexpr double kFast = 900e6;
    if (needs_.capacity_bps >= kFast && host_.segmentation_offload == false)
      advice_.notes.push_back("segmentation offload of " + host_.interface +
                              " is off: at this rate the processor may be the limit; isotach link set " +
                              host_.interface + " tso on");
    if (needs_.capacity_bps >= kFast && host_.receive_offload == false)
      advice_.notes.push_back("GRO of " + host_.interface + " is off: isotach link set " + host_.interface +
                              " gro on");
    if (host_.congestion == "bbr" && !host_.default_qdisc.empty() && host_.default_qdisc != "fq")
      advice_.notes.push_back(
          "bbr paces by itself; the queueing discipline fq does it with less work: sysctl -w "
          "net.core.default_qdisc=fq (now " +
          host_.default_qdisc + ")");
  }

  const PathNeeds& needs_;
  const HostTcp& host_;
  Advice advice_;
};

}  // namespace

HostTcp read_host_tcp(const std::string& interface, const std::string& root) {
  HostTcp host;
  host.rmem = three(sysctl(root, "net/ipv4/tcp_rmem"));
  host.wmem = three(sysctl(root, "net/ipv4/tcp_wmem"));
  host.rmem_max = parse_unsigned(sysctl(root, "net/core/rmem_max"));
  host.wmem_max = parse_unsigned(sysctl(root, "net/core/wmem_max"));
  if (const auto scaling = parse_unsigned(sysctl(root, "net/ipv4/tcp_window_scaling")))
    host.window_scaling = *scaling != 0;
  host.congestion = sysctl(root, "net/ipv4/tcp_congestion_control");
  host.congestion_available = sysctl(root, "net/ipv4/tcp_available_congestion_control");
  host.default_qdisc = sysctl(root, "net/core/default_qdisc");
  host.interface = interface;
  auto control = kernel::LinkControl::open();
  const unsigned index = ::if_nametoindex(interface.c_str());
  if (control && index != 0) {
    host.segmentation_offload = feature(*control, index, interface, "tx-tcp-segmentation");
    host.receive_offload = feature(*control, index, interface, "rx-gro");
  }
  return host;
}

Advice advise(const PathNeeds& needs, const HostTcp& host) {
  if (needs.rtt_ns <= 0 || needs.capacity_bps <= 0) return {};
  return Adviser(needs, host).make();
}

}  // namespace isotach::path
