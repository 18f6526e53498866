#include "command/connections/capture_run.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/units.h"
#include "command/connections/file_order.h"
#include "network/connections/tracking_crew.h"
#include "network/packet/capture_reader.h"
#include "network/packet/link_layer.h"
#include "network/packet/live_capture.h"
#include "network/packet/usual_packet.h"

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
    const std::uint64_t size = reader.size();
    const std::string part =
        size == 0 ? std::string()
                  : fmt::format("{} % of {}, ", std::min<std::uint64_t>(100, reader.position() * 100 / size),
                                format_bytes(static_cast<double>(size)));
    context_.err.write(fmt::format("\r{}{:.1f} million frames ", part, static_cast<double>(frames) / 1e6));
    context_.err.flush();
    written_ = true;
  }

  // Capturing has begun; said also where no terminal shows progress, for who waits for it.
  void begin_live(const std::string& interface) {
    context_.note(fmt::format("capturing on {}; Ctrl-C ends it and shows what passed", printable(interface)));
    context_.err.flush();
  }
  void look_live(std::uint64_t frames, std::uint64_t drops) {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (!shown_ || now_ns - last_ns_ < kProgressEveryNs) return;
    last_ns_ = now_ns;
    context_.err.write(fmt::format("\r{} frames, {} missed ", frames, drops));
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

// What frames turn out to be: through the filter and the decoder. UDP is counted here.
class FrameSink {
 public:
  FrameSink(const CaptureRequest& request, CaptureRun& run)
      : filter_(request.filter),
        udp_(request.udp),
        exact_(request.rules == network::Rules::exact),
        decoder_({.reassemble = exact_, .as_tcptrace = !exact_}),
        run_(run) {}

  // Whether usual packets may be read past take(): when nothing but TCP is asked for.
  [[nodiscard]] bool takes_usual() const { return filter_ == nullptr && exact_; }
  // That was done.
  void count_usual(std::uint64_t frames, std::uint64_t bytes, std::int64_t first_ns, std::int64_t last_ns) {
    if (frames == 0) return;
    if (seen_ == 0) run_.first_ns = first_ns;
    run_.last_ns = newest_ns_ = last_ns;
    seen_ += frames;
    usual_ += frames;
    usual_bytes_ += bytes;
  }
  // nullptr where there is nothing to account for.
  [[nodiscard]] const network::Packet* take(const Frame& frame) {
    ++seen_;
    if (filter_ != nullptr && !filter_->matches(frame)) {
      ++run_.filtered_out;
      return nullptr;
    }
    if (decoder_.counts().frames + usual_ == 0) run_.first_ns = frame.time_ns;
    run_.last_ns = frame.time_ns;
    const network::Packet* packet = decoder_.decode(frame);
    if (exact_ || frame.captured >= kShortestForTcptrace) newest_ns_ = frame.time_ns;
    if (packet != nullptr && udp_ != nullptr) {
      for (const network::Packet& carrier : decoder_.carriers())
        udp_->add(carrier, frame.wire_length, frame.time_ns);
      udp_->add(*packet, frame.wire_length, frame.time_ns);
    }
    return packet;
  }
  [[nodiscard]] std::uint64_t seen() const { return seen_; }
  [[nodiscard]] std::int64_t newest_ns() const { return newest_ns_; }
  [[nodiscard]] network::DecoderCounts counts() const {
    network::DecoderCounts counts = decoder_.counts();
    counts.frames += usual_;
    counts.bytes += usual_bytes_;
    return counts;
  }

 private:
  network::PacketFilter* filter_;
  network::UdpFlows* udp_;
  bool exact_;
  network::Decoder decoder_;
  CaptureRun& run_;
  std::uint64_t seen_ = 0;
  std::int64_t newest_ns_ = 0;
  std::uint64_t usual_ = 0;  // frames that the decoder did not see, and their bytes
  std::uint64_t usual_bytes_ = 0;
};

// All frames of one file, a batch at a time.
class FileFrames {
 public:
  // `alone` is the tracker where there is but one; nullptr: there are several.
  FileFrames(Context& context, network::CaptureReader& reader, FrameSink& sink, Progress& progress,
             std::uint32_t file, network::Tracker* alone)
      : context_(context), reader_(reader), sink_(sink), progress_(progress), file_(file), alone_(alone) {}

  // False when the file has ended, or a signal has ended reading. The batch may stay empty, where its packets
  // have been accounted for.
  bool fill(network::PacketBatch& batch) {
    const std::uint64_t before = sink_.seen();
    batch.begin(before, file_);
    bool more = true;
    if (alone_ != nullptr && alone_->is_small() && sink_.takes_usual()) {
      more = account_directly();
    } else {
      for (std::uint32_t room = network::PacketBatch::kPackets; more && room > 0;)
        more = fill_part(batch, room);
    }
    if (!more || before / kFramesPerLook == sink_.seen() / kFramesPerLook) return more;
    interrupted_ = context_.waiter.interrupted();
    progress_.look(reader_, sink_.seen());
    return !interrupted_;
  }
  [[nodiscard]] bool was_interrupted() const { return interrupted_ || context_.waiter.interrupted(); }

 private:
  // Usual packets up to the first that is none, and that one, for all of which there is `room`. False when
  // there are no more frames.
  bool fill_part(network::PacketBatch& batch, std::uint32_t& room) {
    Frame other;
    if (const auto end = fill_usual(batch, room, other); end != RunEnd::other) return end == RunEnd::full;
    if (const network::Packet* packet = sink_.take(other))
      batch.add(*packet, other.wire_length, other.time_ns);
    return true;
  }

  // As many frames as a batch has, without one.
  bool account_directly() {
    std::uint32_t left = network::PacketBatch::kPackets;
    alone_->set_file(file_);
    while (left > 0) {
      Frame other;
      const RunEnd end = account_usual(left, other);
      if (end == RunEnd::no_more) return false;
      if (end == RunEnd::full) break;
      if (const network::Packet* packet = sink_.take(other))
        alone_->add(*packet, other.wire_length, other.time_ns);
    }
    return true;
  }

  enum class RunEnd : std::uint8_t { full, other, no_more };
  // Calls `see` after each frame that it has read, and `take` with each usual packet and its frame. Ends with
  // the first frame that is none, which is then `other`, or when there is no more `room`.
  template <class See, class Take>
  [[nodiscard]] RunEnd read_run(std::uint32_t& room, Frame& other, const See& see, const Take& take) {
    const bool takes_usual = sink_.takes_usual();
    std::uint64_t bytes = 0;
    std::int64_t first_ns = 0;
    std::int64_t last_ns = 0;
    std::uint32_t left = room;
    RunEnd end = RunEnd::full;
    for (; left > 0; --left) {
      Frame frame;
      if (!reader_.next(frame)) {
        end = RunEnd::no_more;
        break;
      }
      see();
      network::UsualPacket usual;
      if (!takes_usual || !network::read_usual(frame, usual)) {
        other = frame;
        end = RunEnd::other;
        break;
      }
      if (left == room) first_ns = frame.time_ns;
      last_ns = frame.time_ns;
      bytes += frame.wire_length;
      take(usual, frame);
    }
    sink_.count_usual(room - left, bytes, first_ns, last_ns);
    room = end == RunEnd::other ? left - 1 : left;
    return end;
  }

  [[nodiscard]] RunEnd account_usual(std::uint32_t& room, Frame& other) {
    network::BatchedPacket one;
    return read_run(
        room, other, [] {},
        [&](const network::UsualPacket& usual, const Frame& frame) {
          one.usual = usual;
          one.time_ns = frame.time_ns;
          one.wire_length = frame.wire_length;
          alone_->add_usual(one);
        });
  }

  [[nodiscard]] RunEnd fill_usual(network::PacketBatch& batch, std::uint32_t& room, Frame& other) {
    const void* held = nullptr;
    const auto keep = [&] {
      if (reader_.held() == held) return;
      held = reader_.held();
      batch.keep(reader_.hold());
    };
    network::PacketBatch::Run run(batch);
    return read_run(room, other, keep, [&run](const network::UsualPacket& usual, const Frame& frame) {
      run.add(usual, frame.wire_length, frame.time_ns);
    });
  }

  Context& context_;
  network::CaptureReader& reader_;
  FrameSink& sink_;
  Progress& progress_;
  std::uint32_t file_;
  network::Tracker* alone_;
  bool interrupted_ = false;
};

// How long capturing and following go on: until Ctrl-C, or for a time.
class Patience {
 public:
  Patience(Context& context, std::optional<std::int64_t> duration_ns)
      : context_(context), end_ns_(context.clock.now().monotonic_ns + duration_ns.value_or(kForEverNs)) {}

  // Waits a little, or until `fd` has something; false when it is over.
  [[nodiscard]] bool wait(int fd = -1) {
    const std::int64_t now_ns = context_.clock.now().monotonic_ns;
    if (is_over(now_ns)) return false;
    const Wake wake = context_.waiter.wait_until(std::min(end_ns_, now_ns + kLookEveryNs), {.input_fd = fd});
    return wake != Wake::interrupted && !is_over(context_.clock.now().monotonic_ns);
  }
  [[nodiscard]] bool is_over(std::int64_t now_ns) const {
    return context_.waiter.interrupted() || now_ns >= end_ns_;
  }

 private:
  static constexpr std::int64_t kForEverNs = std::int64_t{1} << 60;
  static constexpr std::int64_t kLookEveryNs = 100'000'000;
  Context& context_;
  std::int64_t end_ns_;
};

Result<void> capture(Context& context, const CaptureRequest& request, network::Tracker& tracker,
                     FrameSink& sink, Progress& progress, CaptureRun& run) {
  auto live = network::LiveCapture::open(request.interface, request.filter_text);
  if (!live) return tl::make_unexpected(std::move(live.error()));
  Patience patience(context, request.duration_ns);
  progress.begin_live(request.interface);
  Frame frame;
  const auto enter = [&] {
    const network::Packet* packet = sink.take(frame);
    if (packet != nullptr) tracker.add(*packet, frame.wire_length, frame.time_ns);
  };
  for (;;) {
    const auto got = (*live)->next(frame);
    if (!got) return tl::make_unexpected(got.error());
    if (*got) {
      enter();
      if (sink.seen() % kFramesPerLook == 0 && patience.is_over(context.clock.now().monotonic_ns)) break;
      continue;
    }
    progress.look_live(sink.seen(), (*live)->drops());
    if (!patience.wait((*live)->descriptor())) break;
  }
  // What came before the end is counted too. An interface that never rests must not keep us: frames of later
  // are where it stops.
  const std::int64_t ended_ns = context.clock.now().wall_ns;
  for (bool more = true; more;) {
    const auto got = (*live)->next(frame);
    if (!got) return tl::make_unexpected(got.error());
    if (*got) {
      more = frame.time_ns <= ended_ns;
      if (more) enter();
    } else {
      more = (*live)->wait_for_rest();
    }
  }
  run.dropped = (*live)->drops();
  run.files.push_back({request.interface, "live", sink.seen(), {}});
  return {};
}

std::string shown_name(const std::string& path) {
  return path == "-" ? "standard input" : printable(path);
}

}  // namespace

bool CaptureRun::is_damaged() const {
  return std::any_of(files.begin(), files.end(),
                     [](const CaptureFile& file) { return !file.damage.empty(); });
}

std::uint64_t unforeseen_seed(Context& context) {
  return static_cast<std::uint64_t>(context.clock.now().monotonic_ns) |
         (static_cast<std::uint64_t>(::getpid()) << 40);
}

Result<CaptureRun> read_captures(Context& context, const CaptureRequest& request, network::Tracker& tracker) {
  CaptureRun run;
  FrameSink sink(request, run);
  std::vector<std::unique_ptr<network::Tracker>> others;
  for (std::size_t i = 1; i < request.observers.size(); ++i) {
    others.push_back(std::make_unique<network::Tracker>(request.rules, tracker.seed()));
    others.back()->set_observer(request.observers[i]);
  }
  {
    Progress progress(context);
    if (!request.interface.empty()) {
      if (auto done = capture(context, request, tracker, sink, progress, run); !done)
        return tl::make_unexpected(std::move(done.error()));
    }
    Patience patience(context, request.duration_ns);
    network::WaitForMore wait;
    if (request.follow) wait = [&patience] { return patience.wait(); };
    std::vector<network::Tracker*> trackers = {&tracker};
    for (const auto& other : others) trackers.push_back(other.get());
    std::vector<std::string> paths = request.paths;
    // tcptrace takes them as they are named.
    if (request.rules == network::Rules::exact && order_by_first_frame(paths))
      context.note("the files are read in the order of their first frames");
    for (const std::string& path : paths) {
      const std::string& called = request.called.empty() ? path : request.called;
      auto reader = network::CaptureReader::open(path, wait);
      if (!reader) {
        Error error = std::move(reader.error());
        if (error.errno_value == 0) error.doing = "cannot read " + shown_name(called) + ": " + error.doing;
        return tl::make_unexpected(std::move(error));
      }
      if (request.rules == network::Rules::tcptrace) (*reader)->cut_to_snap_length();
      FileFrames frames(context, **reader, sink, progress, static_cast<std::uint32_t>(run.files.size()),
                        others.empty() ? &tracker : nullptr);
      network::TrackingCrew(trackers).run([&](network::PacketBatch& batch) { return frames.fill(batch); });
      // Where a file is followed, that is how it ends.
      run.interrupted = frames.was_interrupted() && !request.follow;
      const std::string damage = request.follow ? std::string() : (*reader)->damage();
      run.files.push_back({called, (*reader)->format_name(), (*reader)->frames(), damage});
      if (frames.was_interrupted()) break;
    }
  }
  if (!others.empty()) run.numbers = tracker.absorb(std::move(others));
  tracker.note_time(sink.newest_ns());
  tracker.end();
  run.counts = sink.counts();
  return run;
}

std::vector<Remark> remarks_on(const CaptureRun& run, const network::Tracker& tracker) {
  std::vector<Remark> remarks;
  const auto warn = [&](std::string text) { remarks.push_back({std::move(text), true}); };
  const auto note = [&](std::string text) { remarks.push_back({std::move(text)}); };
  for (const CaptureFile& file : run.files) {
    if (!file.damage.empty())
      warn(fmt::format("{}: {}; what is shown ends there", shown_name(file.name), file.damage));
  }
  const network::DecoderCounts& counts = run.counts;
  if (counts.unknown_link > 0)
    warn(fmt::format("{} of {} frames are of a link type that is not understood and are left out",
                     counts.unknown_link, counts.frames));
  if (counts.malformed > 0)
    note(fmt::format("{} frames with a damaged IP head are left out", counts.malformed));
  if (tracker.too_short() > 0)
    note(fmt::format("of {} segments the TCP head was not captured; they are left out", tracker.too_short()));
  if (run.filtered_out > 0) note(fmt::format("{} frames did not match the filter", run.filtered_out));
  if (run.dropped > 0)
    warn(
        fmt::format("{} frames came faster than they could be read and are missing; --filter lets fewer "
                    "through",
                    run.dropped));
  if (run.interrupted) note("interrupted: what is shown ends where reading stopped");
  return remarks;
}

void tell_about(Context& context, const CaptureRun& run, const network::Tracker& tracker) {
  for (const Remark& remark : remarks_on(run, tracker)) {
    if (remark.is_warning)
      context.warn(remark.text);
    else
      context.note(remark.text);
  }
}

}  // namespace isotach::command
