#include "command/connections/capture_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "network/packet/capture_reader.h"
#include "network/packet/link_layer.h"

namespace isotach::command {
namespace {

using network::Frame;

// How often the clock and the signals are looked at.
constexpr std::uint64_t kFramesPerLook = 65536;
constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kProgressEveryNs = 200'000'000;
// tcptrace passes over shorter frames, their times too.
constexpr std::uint32_t kShortestForTcptrace = 34;

// One line on the terminal that is written over, for what takes longer than a second.
class Progress {
 public:
  explicit Progress(Context& context)
      : context_(context),
        shown_(::isatty(context.err.fd()) == 1),
        start_ns_(context.clock.now().monotonic_ns) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void look(const network::CaptureReader& reader, std::uint64_t frames) {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (!shown_ || now_ns - start_ns_ < kSecondNs || now_ns - last_ns_ < kProgressEveryNs) return;
    last_ns_ = now_ns;
    const std::uint64_t size = reader.source().size();
    const std::string part =
        size == 0 ? std::string()
                  : fmt::format("{} % of {}, ",
                                std::min<std::uint64_t>(100, reader.source().position() * 100 / size),
                                format_bytes(static_cast<double>(size)));
    context_.err.write(fmt::format("\r{}{:.1f} million frames ", part, static_cast<double>(frames) / 1e6));
    context_.err.flush();
    written_ = true;
  }

 private:
  void clear() {
    if (!written_) return;
    context_.err.write("\r\x1b[K");
    context_.err.flush();
  }

  Context& context_;
  bool shown_;
  bool written_ = false;
  std::int64_t start_ns_;
  std::int64_t last_ns_ = 0;
};

// All frames of one file; false when a signal ended it.
bool read_file(Context& context, network::CaptureReader& reader, network::Rules rules,
               network::Decoder& decoder, network::Tracker& tracker, CaptureRun& run, Progress& progress,
               network::PacketFilter* filter) {
  Frame frame;
  while (reader.next(frame)) {
    if (filter != nullptr && !filter->matches(frame)) {
      ++run.filtered_out;
      if (run.filtered_out % kFramesPerLook == 0 && context.waiter.interrupted()) return false;
      continue;
    }
    if (decoder.counts().frames == 0) run.first_ns = frame.time_ns;
    run.last_ns = frame.time_ns;
    const network::Packet* packet = decoder.decode(frame);
    if (rules == network::Rules::exact || frame.captured >= kShortestForTcptrace)
      tracker.note_time(frame.time_ns);
    if (packet != nullptr) tracker.add(*packet, frame.wire_length, frame.time_ns);
    if (decoder.counts().frames % kFramesPerLook != 0) continue;
    if (context.waiter.interrupted()) return false;
    progress.look(reader, decoder.counts().frames);
  }
  return true;
}

std::string shown_name(const std::string& path) {
  return path == "-" ? "standard input" : printable(path);
}

}  // namespace

bool CaptureRun::is_damaged() const {
  return std::any_of(files.begin(), files.end(),
                     [](const CaptureFile& file) { return !file.damage.empty(); });
}

Result<CaptureRun> read_captures(Context& context, const std::vector<std::string>& paths,
                                 network::Rules rules, network::Tracker& tracker,
                                 network::PacketFilter* filter) {
  CaptureRun run;
  const bool as_tcptrace = rules == network::Rules::tcptrace;
  network::Decoder decoder({.reassemble = !as_tcptrace, .as_tcptrace = as_tcptrace});
  Progress progress(context);
  for (const std::string& path : paths) {
    auto reader = network::CaptureReader::open(path);
    if (!reader) {
      Error error = std::move(reader.error());
      if (error.errno_value == 0) error.doing = "cannot read " + shown_name(path) + ": " + error.doing;
      return tl::make_unexpected(std::move(error));
    }
    if (as_tcptrace) (*reader)->cut_to_snap_length();
    tracker.set_file(static_cast<std::uint32_t>(run.files.size()));
    run.interrupted = !read_file(context, **reader, rules, decoder, tracker, run, progress, filter);
    run.files.push_back({path, (*reader)->format_name(), (*reader)->frames(), (*reader)->damage()});
    if (run.interrupted) break;
  }
  tracker.end();
  run.counts = decoder.counts();
  return run;
}

void tell_about(Context& context, const CaptureRun& run, const network::Tracker& tracker) {
  for (const CaptureFile& file : run.files) {
    if (!file.damage.empty())
      context.warn(fmt::format("{}: {}; what is shown ends there", shown_name(file.name), file.damage));
  }
  const network::DecoderCounts& counts = run.counts;
  if (counts.unknown_link > 0)
    context.warn(fmt::format("{} of {} frames are of a link type that is not understood and are left out",
                             counts.unknown_link, counts.frames));
  if (counts.malformed > 0)
    context.note(fmt::format("{} frames with a damaged IP head are left out", counts.malformed));
  if (tracker.too_short() > 0)
    context.note(
        fmt::format("of {} segments the TCP head was not captured; they are left out", tracker.too_short()));
  if (run.filtered_out > 0) context.note(fmt::format("{} frames did not match the filter", run.filtered_out));
  if (run.interrupted) context.note("interrupted: what is shown ends where reading stopped");
}

}  // namespace isotach::command
