// isotach record FILE: everything that the machine shows, into a file.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <optional>
#include <utility>

#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/record_info.h"
#include "command/record_marks.h"
#include "command/spec.h"
#include "kernel/system_root.h"
#include "machine/series.h"
#include "record/recorder.h"

namespace isotach::command {
namespace {

struct NamedPart {
  std::string_view name;
  bool machine::Parts::*member;
};
constexpr NamedPart kParts[] = {
    {"memory", &machine::Parts::memory},      {"cpu", &machine::Parts::cpu},
    {"each-cpu", &machine::Parts::each_cpu},  {"vm", &machine::Parts::vm_counters},
    {"load", &machine::Parts::uptime},        {"pressure", &machine::Parts::pressure},
    {"swap", &machine::Parts::swap_devices},  {"ksm", &machine::Parts::ksm},
    {"network", &machine::Parts::interfaces}, {"disk", &machine::Parts::disks},
    {"protocols", &machine::Parts::network},
};

std::string part_names() {
  std::string names;
  for (const NamedPart& part : kParts) names += (names.empty() ? "" : ", ") + std::string(part.name);
  return names;
}

Result<machine::Parts> parts_of(const Arguments& arguments) {
  if (!arguments.has("--only")) return machine::Parts::all();
  machine::Parts parts;
  for (const std::string& list : arguments.values("--only")) {
    for (const std::string_view name : split(list, ',')) {
      const auto* part = std::find_if(std::begin(kParts), std::end(kParts),
                                      [&](const NamedPart& known) { return known.name == name; });
      if (part == std::end(kParts))
        return failure(ErrorKind::usage, "'" + printable(name) + "' is no part that can be recorded",
                       "choose from: " + part_names());
      parts.*(part->member) = true;
    }
  }
  // The numbers of single CPUs are read together with those of all.
  if (parts.each_cpu) parts.cpu = true;
  return parts;
}

struct Settings {
  std::string path;
  std::string proc_root;
  machine::Parts parts;
  std::int64_t interval_ns = kNanosecondsPerSecond;
  std::optional<std::uint64_t> count;
  std::optional<std::int64_t> duration_ns;
};

Result<Settings> settings_of(const Arguments& arguments) {
  Settings settings;
  if (arguments.positionals().empty())
    return failure(ErrorKind::usage, "the name of the file to write is missing",
                   "write: isotach record run.isotach");
  settings.path = arguments.positionals().front();
  if (const auto text = arguments.value("--interval")) {
    auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(std::move(interval_ns.error()));
    settings.interval_ns = *interval_ns;
  }
  if (const auto text = arguments.value("--count")) {
    auto count = parse_count(*text, "count");
    if (!count) return tl::make_unexpected(std::move(count.error()));
    settings.count = *count;
  }
  if (const auto text = arguments.value("--for")) {
    auto duration_ns = parse_duration_ns(*text);
    if (!duration_ns) return tl::make_unexpected(std::move(duration_ns.error()));
    settings.duration_ns = *duration_ns;
  }
  auto parts = parts_of(arguments);
  if (!parts) return tl::make_unexpected(std::move(parts.error()));
  settings.parts = *parts;
  auto proc_root = proc_root_of(arguments);
  if (!proc_root) return tl::make_unexpected(std::move(proc_root.error()));
  settings.proc_root = std::move(*proc_root);
  return settings;
}

std::uint64_t size_on_disk(const std::string& path) {
  std::uint64_t bytes = 0;
  for (const char* suffix : {"", "-wal"}) {
    struct stat status {};
    if (::stat((path + suffix).c_str(), &status) == 0) bytes += static_cast<std::uint64_t>(status.st_size);
  }
  return bytes;
}

// One line on the terminal that is written again each second.
class Progress {
 public:
  explicit Progress(Output& err) : err_(err), shown_(::isatty(err.fd()) == 1) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void update(const Settings& settings, const record::Recorder& recorder, std::int64_t now_ns) {
    if (!shown_ || now_ns < next_ns_) return;
    next_ns_ = now_ns + kNanosecondsPerSecond;
    const std::string text = fmt::format(
        "{} samples, {}, {} dropped; Ctrl-C ends; mark: ", recorder.appended_samples(),
        format_bytes(static_cast<double>(size_on_disk(settings.path))), recorder.dropped_samples());
    const int columns = terminal_size(err_.fd()).columns;
    err_.write("\r\x1b[K" + fit_columns(text, static_cast<std::size_t>(std::max(1, columns - 1))));
    err_.flush();
    dirty_ = true;
  }
  void clear() {
    if (!dirty_) return;
    err_.write("\r\x1b[K");
    err_.flush();
    dirty_ = false;
  }

 private:
  Output& err_;
  bool shown_;
  bool dirty_ = false;
  std::int64_t next_ns_ = 0;
};

class Session {
 public:
  Session(Context& context, const Settings& settings)
      : context_(context),
        settings_(settings),
        root_(settings.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(settings.proc_root)),
        probe_(root_, table_, settings.parts) {}

  int run(const Arguments& arguments) {
    // Nothing is created for a machine that cannot be read.
    take_sample();
    if (probe_.error()) return context_.report(*probe_.error());
    start_ = sample_.time;
    auto created = record::Recorder::create(
        settings_.path, recording_info(context_, arguments, root_, start_, settings_.interval_ns), table_);
    if (!created) return context_.report(created.error());
    recorder_ = std::move(*created);
    for (const std::string& text : arguments.values("--mark")) mark(text);
    loop();
    const auto finished = recorder_->finish();
    summarize();
    if (!finished) return context_.report(finished.error());
    const bool planned = settings_.count || settings_.duration_ns;
    return interrupted_ && planned ? kExitCutShort : kExitOk;
  }

 private:
  void take_sample() {
    sample_.points.clear();
    sample_.time = context_.clock.now();
    probe_.collect(sample_);
  }

  void mark(std::string_view text) {
    recorder_->append(record::Event{context_.clock.now(), record::EventKind::mark,
                                    text.empty() ? "mark" : printable(text)});
  }

  void loop() {
    Progress progress(context_.err);
    MarkInput marks;
    Ticker ticker(start_.monotonic_ns, settings_.interval_ns);
    const std::int64_t end_ns =
        settings_.duration_ns ? end_of(*settings_.duration_ns) : std::numeric_limits<std::int64_t>::max();
    for (std::uint64_t taken = 0; !recorder_->error();) {
      append_sample();
      progress.update(settings_, *recorder_, sample_.time.monotonic_ns);
      if (settings_.count && ++taken >= *settings_.count) break;
      ticker.advance(context_.clock.now().monotonic_ns);
      missed_ = ticker.missed();
      const bool last = ticker.deadline_ns() > end_ns;
      if (!wait(std::min(ticker.deadline_ns(), end_ns), marks) || last) break;
      take_sample();
      // A tenth of the interval is what a reader of the rates would notice.
      if (sample_.time.monotonic_ns - ticker.deadline_ns() > settings_.interval_ns / 10) ++late_;
    }
  }

  [[nodiscard]] std::int64_t end_of(std::int64_t duration_ns) const {
    constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();
    return duration_ns > kLatest - start_.monotonic_ns ? kLatest : start_.monotonic_ns + duration_ns;
  }

  void append_sample() {
    if (!probe_.error()) {
      recorder_->append(sample_);
      return;
    }
    // A gap with its reason; told once, not a hundred times a second.
    if (unreadable_++ > 0) return;
    context_.warn(probe_.error()->message());
    recorder_->append(record::Event{sample_.time, record::EventKind::warning, probe_.error()->message()});
  }

  // False when it is time to end. Lines on standard input become marks meanwhile.
  bool wait(std::int64_t deadline_ns, MarkInput& marks) {
    for (;;) {
      switch (context_.waiter.wait_until(deadline_ns, {marks.fd(), -1})) {
        case Wake::deadline:
          return true;
        case Wake::interrupted:
          interrupted_ = true;
          return false;
        case Wake::input:
          for (const std::string& text : marks.read()) mark(text);
          break;
        default:
          break;
      }
    }
  }

  void summarize() {
    const std::uint64_t samples = recorder_->committed_samples();
    const std::uint64_t bytes = size_on_disk(settings_.path);
    const auto span_ns = static_cast<double>(context_.clock.now().monotonic_ns - start_.monotonic_ns);
    std::string text = fmt::format("{} samples of {} series in {}: {} in {}", samples, table_.size(),
                                   format_duration_ns(span_ns), format_bytes(static_cast<double>(bytes)),
                                   printable(settings_.path));
    // In a short recording most of the file are the descriptions of the series.
    if (samples >= 1000) text += fmt::format(", {} bytes a sample", (bytes + samples / 2) / samples);
    context_.note(text);
    context_.note(fmt::format("{} dropped, {} late, {} deadlines missed{}", recorder_->dropped_samples(),
                              late_, missed_,
                              unreadable_ > 0 ? fmt::format(", {} unreadable", unreadable_) : ""));
  }

  Context& context_;
  const Settings& settings_;
  kernel::SystemRoot root_;
  record::SeriesTable table_;
  machine::MachineProbe probe_;
  std::unique_ptr<record::Recorder> recorder_;
  record::Sample sample_;
  Instant start_;
  std::uint64_t late_ = 0;
  std::uint64_t missed_ = 0;
  std::uint64_t unreadable_ = 0;
  bool interrupted_ = false;
};

int run(Context& context, const Arguments& arguments) {
  const auto settings = settings_of(arguments);
  if (!settings) return context.report(settings.error());
  return Session(context, *settings).run(arguments);
}

}  // namespace

CommandSpec record_command() {
  CommandSpec spec;
  spec.name = "record";
  spec.area = "recordings";
  spec.summary = "record everything that this machine shows";
  spec.usages = {"isotach record [OPTIONS] FILE"};
  spec.description =
      "Writes samples of memory, CPU, swap, pressure, network, disks and KSM to FILE until Ctrl-C, or as "
      "long as "
      "told. FILE must not exist yet.\n\n"
      "What was recorded is safe within a second, whatever happens to this program; FILE can be read while "
      "it "
      "grows. Until the end there are FILE-wal and FILE-shm beside it: they belong to it.\n\n"
      "Each line typed or piped into standard input becomes a mark with that text, which plots and replays "
      "show.\n\n"
      "isotach replay FILE shows the recording again; isotach plot and isotach web read it too.";
  spec.positionals = {{"FILE", "the recording to write", "file"}};
  spec.options = {
      interval_option(),
      count_option(),
      duration_option(),
      {"--only", 0, "PART,...", "record these parts only: " + part_names(), "what to record", {}, {}, true},
      {"--mark", 0, "TEXT", "set a mark with this text at the start", "what to record", {}, {}, true},
      proc_root_option(),
  };
  spec.examples = {
      {"isotach record run.isotach", "one sample a second until Ctrl-C"},
      {"isotach record -i 10ms -t 30s burst.isotach", "100 samples a second for 30 seconds"},
      {"make 2>&1 | grep --line-buffered '^\\[' | isotach record build.isotach",
       "the steps of a build as marks"},
  };
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
