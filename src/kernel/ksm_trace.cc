#include "kernel/ksm_trace.h"

#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/text.h"

namespace isotach::kernel {
namespace {

// For each processor. 50 000 pages a second are merged at the most, 64 bytes an event; samples are tens
// of milliseconds apart, and the rest is for a machine that is busy.
constexpr const char* kBufferKib = "4096";

// "2267.330287" as ns.
std::optional<std::int64_t> stamp_ns(std::string_view text) {
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return std::nullopt;
  const auto seconds = parse_unsigned(text.substr(0, dot));
  std::string_view fraction = text.substr(dot + 1);
  const auto part = parse_unsigned(fraction);
  if (!seconds || !part || fraction.size() > 9 || *seconds > 1'000'000'000) return std::nullopt;
  std::int64_t ns = static_cast<std::int64_t>(*part);
  for (std::size_t digit = fraction.size(); digit < 9; ++digit) ns *= 10;
  return static_cast<std::int64_t>(*seconds) * 1'000'000'000 + ns;
}

std::optional<KsmEventKind> kind_of(std::string_view name, std::string_view rest) {
  if (name == "ksm_start_scan") return KsmEventKind::scan_started;
  if (name == "ksm_stop_scan") return KsmEventKind::scan_ended;
  if (name != "ksm_merge_one_page" && name != "ksm_merge_with_ksm_page") return std::nullopt;
  return trim(rest).ends_with(" error 0") ? KsmEventKind::merged : KsmEventKind::merge_failed;
}

}  // namespace

std::optional<KsmEvent> parse_ksm_event(std::string_view line) {
  // The task's name may hold anything: the stamp is the word before the event's name.
  const std::size_t name_at = line.find(": ksm_");
  if (name_at == std::string_view::npos) return std::nullopt;
  const std::string_view before = line.substr(0, name_at);
  const auto time_ns = stamp_ns(before.substr(before.find_last_of(" \t") + 1));
  std::string_view rest = line.substr(name_at + 2);
  const std::size_t colon = rest.find(':');
  if (!time_ns || colon == std::string_view::npos) return std::nullopt;
  const auto kind = kind_of(rest.substr(0, colon), rest.substr(colon + 1));
  if (!kind) return std::nullopt;
  return KsmEvent{*time_ns, *kind};
}

std::optional<std::uint64_t> parse_lost_events(std::string_view line) {
  const std::size_t at = line.find("[LOST ");
  if (!line.starts_with("CPU:") || at == std::string_view::npos) return std::nullopt;
  std::string_view rest = line.substr(at + 6);
  const std::size_t end = rest.find(' ');
  if (end == std::string_view::npos) return std::nullopt;
  return parse_unsigned(rest.substr(0, end));
}

void KsmTraceLog::feed(std::string_view piece) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + part.size() > kLineLimit) too_long_ = true;
    if (!too_long_) rest_ += part;
    if (end == std::string_view::npos) return;
    if (!too_long_) line(rest_);
    rest_.clear();
    too_long_ = false;
    piece.remove_prefix(end + 1);
  }
}

void KsmTraceLog::line(std::string_view text) {
  if (const auto lost = parse_lost_events(text)) {
    lost_ += *lost;
    return;
  }
  const auto event = parse_ksm_event(text);
  if (!event) return;
  switch (event->kind) {
    case KsmEventKind::merged:
      ++merged_;
      // Those of different processors are not in order to the last microsecond.
      if (!first_merge_ns_ || event->monotonic_ns < *first_merge_ns_) first_merge_ns_ = event->monotonic_ns;
      if (!last_merge_ns_ || event->monotonic_ns > *last_merge_ns_) last_merge_ns_ = event->monotonic_ns;
      break;
    case KsmEventKind::merge_failed:
      ++failed_;
      break;
    case KsmEventKind::scan_ended:
      if (scans_ended_ns_.size() < kScanLimit) scans_ended_ns_.push_back(event->monotonic_ns);
      break;
    case KsmEventKind::scan_started:
      break;
  }
}

Result<KsmTrace> KsmTrace::start(Tracefs tracefs, const std::string& instance) {
  KsmTrace trace(std::move(tracefs), "instances/" + instance + '/');
  const auto write = [&](const std::string& file, std::string_view value) {
    return trace.tracefs_.write(trace.path_ + file, value);
  };
  // Stamps of the clock by which samples are taken.
  if (auto done = write("trace_clock", "mono"); !done) return tl::make_unexpected(std::move(done.error()));
  if (auto done = write("buffer_size_kb", kBufferKib); !done)
    return tl::make_unexpected(std::move(done.error()));
  for (const char* event :
       {"ksm_merge_one_page", "ksm_merge_with_ksm_page", "ksm_start_scan", "ksm_stop_scan"})
    if (auto done = write(std::string("events/ksm/") + event + "/enable", "1"); !done)
      return tl::make_unexpected(std::move(done.error()));
  auto pipe = trace.tracefs_.open_for_reading(trace.path_ + "trace_pipe");
  if (!pipe) return tl::make_unexpected(std::move(pipe.error()));
  trace.pipe_ = std::move(*pipe);
  return trace;
}

void KsmTrace::collect() {
  if (!pipe_.is_open()) return;
  // Bounded: a flood of events must not keep us from taking samples.
  constexpr std::size_t kLimitBytes = std::size_t{32} << 20;
  std::array<char, 65536> buffer;
  for (std::size_t taken = 0; taken < kLimitBytes;) {
    const ssize_t got = ::read(pipe_.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return;
    log_.feed({buffer.data(), static_cast<std::size_t>(got)});
    taken += static_cast<std::size_t>(got);
  }
}

void KsmTrace::stop() {
  if (!pipe_.is_open()) return;
  static_cast<void>(tracefs_.write(path_ + "tracing_on", "0"));
  collect();
  pipe_.reset();
}

}  // namespace isotach::kernel
