// isotach swap advise: how well the memory of now would compress in zram or zswap, and whether that is worth
// while.
#include "command/swap/advise.h"

#include <fmt/format.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <unordered_set>

#include "base/text.h"
#include "command/process_selection.h"
#include "command/swap/commands.h"
#include "kernel/meminfo.h"
#include "kernel/pagemap.h"
#include "memory/compression/compressor.h"
#include "memory/ksm/merge_scan.h"

namespace isotach::command {
namespace {

// One page in 40, but enough for an interval of a few percent and not more than that needs.
constexpr double kSampledPart = 1.0 / 40;
constexpr double kLeastSample = 1000;
constexpr double kLargestSample = 12000;

struct AdviseOptions {
  Format format = Format::table;
  std::uint64_t seed = 1;
  std::optional<double> sample;
  std::optional<std::uint64_t> cold_bytes;
};

Result<AdviseOptions> options_of(const Arguments& arguments) {
  AdviseOptions options;
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (const auto text = arguments.value("--seed")) {
    const auto seed = parse_unsigned(*text);
    if (!seed) return failure(ErrorKind::usage, "'" + printable(*text) + "' is no whole number for --seed");
    options.seed = *seed;
  }
  if (const auto text = arguments.value("--sample")) {
    const auto part = parse_part(*text);
    if (!part) return tl::make_unexpected(part.error());
    options.sample = *part;
  }
  if (const auto text = arguments.value("--cold")) {
    const auto bytes = parse_size(*text);
    if (!bytes) return tl::make_unexpected(bytes.error());
    if (*bytes == 0) return failure(ErrorKind::usage, "--cold 0 leaves nothing to advise on");
    options.cold_bytes = *bytes;
  }
  return options;
}

std::int64_t clock_ns(clockid_t clock) {
  timespec time{};
  ::clock_gettime(clock, &time);
  return static_cast<std::int64_t>(time.tv_sec) * kNanosecondsPerSecond + time.tv_nsec;
}

// Several names of the kernel may stand for one algorithm that is measured.
class Measurement {
 public:
  Measurement(const std::vector<memory::Compression>& algorithms, std::uint64_t page_bytes)
      : model_(page_bytes) {
    for (const memory::Compression algorithm : algorithms)
      measured_.push_back({algorithm, memory::Compressor(algorithm, page_bytes),
                           memory::PoolSample(model_, page_bytes), 0, 0});
  }

  void add(std::uint32_t frame, std::span<const char> page) {
    // fork() leaves many places with one frame.
    if (frame != 0 && !seen_frames_.insert(frame).second) return;
    if (memory::is_same_filled(page)) {
      for (One& one : measured_) one.sample.add_same_filled();
      return;
    }
    for (One& one : measured_) {
      const std::int64_t start_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
      const std::size_t size = one.compressor.size_of(page);
      one.spent_ns += clock_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
      ++one.compressed;
      one.sample.add(size);
    }
  }

  [[nodiscard]] std::uint64_t count() const {
    return measured_.empty() ? 0 : measured_.front().sample.count();
  }

  void fill(AdviseRow& row, memory::Compression algorithm, std::uint64_t pages) const {
    for (const One& one : measured_) {
      if (one.algorithm != algorithm) continue;
      row.pool = one.sample.estimate(pages);
      if (one.compressed > 0)
        row.compress_ns = static_cast<double>(one.spent_ns) / static_cast<double>(one.compressed);
    }
  }

 private:
  struct One {
    memory::Compression algorithm;
    memory::Compressor compressor;
    memory::PoolSample sample;
    std::int64_t spent_ns;
    std::uint64_t compressed;
  };

  memory::PoolModel model_;
  std::vector<One> measured_;
  std::unordered_set<std::uint32_t> seen_frames_;
};

// What this kernel offers; what it usually offers where it does not say.
void list_algorithms(Advice& advice) {
  std::vector<std::string> names;
  const auto row_of = [&](const std::string& name) -> AdviseRow* {
    const auto algorithm = memory::compression_named(name);
    if (!algorithm) {
      if (std::find(advice.not_modelled.begin(), advice.not_modelled.end(), name) ==
          advice.not_modelled.end())
        advice.not_modelled.push_back(name);
      return nullptr;
    }
    for (AdviseRow& row : advice.rows)
      if (row.name == name) return &row;
    AdviseRow row;
    row.name = name;
    row.exact_model = memory::is_exact_model(name);
    advice.rows.push_back(row);
    return &advice.rows.back();
  };
  for (const kernel::ZramDevice& device : advice.zram) {
    for (const std::string& name : device.algorithms.offered) {
      AdviseRow* const row = row_of(name);
      if (row == nullptr) continue;
      row->in_zram = true;
      if (name == device.algorithms.chosen) row->chosen_in_zram = true;
    }
  }
  if (!advice.zswap.compressor.empty())
    if (AdviseRow* const row = row_of(advice.zswap.compressor)) row->in_zswap = true;
  if (advice.rows.empty())
    for (const char* name : {"lz4", "lzo-rle", "zstd"}) static_cast<void>(row_of(name));
}

Result<Advice> make_advice(Context& context, const AdviseOptions& options,
                           const ProcessSelection& selection) {
  const kernel::SystemRoot root;
  Advice advice;
  advice.page_bytes = kernel::page_size_bytes();
  advice.zram = kernel::read_zram_devices(root);
  advice.zswap = kernel::read_zswap(root);
  advice.has_zram_module = ::access("/sys/class/zram-control", F_OK) == 0;
  list_algorithms(advice);
  std::vector<memory::Compression> algorithms;
  for (const AdviseRow& row : advice.rows) {
    const memory::Compression algorithm = *memory::compression_named(row.name);
    if (std::find(algorithms.begin(), algorithms.end(), algorithm) == algorithms.end())
      algorithms.push_back(algorithm);
  }
  Measurement measurement(algorithms, advice.page_bytes);

  const std::int64_t start_ns = clock_ns(CLOCK_MONOTONIC);
  const std::int64_t start_cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID);
  memory::MergeScanOptions scan_options;
  scan_options.regions = memory::MergeRegions::swappable;
  scan_options.seed = options.seed;
  scan_options.evenly_spaced = true;
  scan_options.on_page = [&](const memory::PageRecord& record, std::span<const char> page) {
    measurement.add(record.frame, page);
  };
  memory::MergeScan scan(root, scan_options);
  for (const unsigned pid : selection.pids) {
    if (context.waiter.interrupted()) break;
    scan.add(pid);
  }
  const auto expected = static_cast<double>(std::max<std::uint64_t>(1, scan.expected_pages()));
  const double wanted = std::clamp(expected * kSampledPart, kLeastSample, kLargestSample);
  scan.set_sample(options.sample.value_or(std::min(1.0, wanted / expected)));
  const bool complete = scan.read([&](std::uint64_t) { return !context.waiter.interrupted(); });
  scan.finish();
  if (!complete) return failure(ErrorKind::failed, "interrupted before the sample was complete");

  for (const memory::ScannedProcess& process : scan.processes()) {
    if (process.state == memory::ScanState::not_permitted) ++advice.not_permitted;
    if (process.state != memory::ScanState::scanned) continue;
    ++advice.processes;
    advice.swapped_pages += process.swapped_pages;
  }
  advice.pages = scan.frames_found();
  advice.sample_pages = measurement.count();
  const double all_bytes = static_cast<double>(advice.pages * advice.page_bytes);
  advice.cold_given = options.cold_bytes.has_value();
  advice.cold_bytes = options.cold_bytes ? static_cast<double>(*options.cold_bytes) : all_bytes;
  const auto cold_pages =
      static_cast<std::uint64_t>(advice.cold_bytes / static_cast<double>(advice.page_bytes));
  for (AdviseRow& row : advice.rows) measurement.fill(row, *memory::compression_named(row.name), cold_pages);
  std::stable_sort(advice.rows.begin(), advice.rows.end(), [](const AdviseRow& a, const AdviseRow& b) {
    return a.pool.pool_bytes < b.pool.pool_bytes;
  });
  advice.wall_ns = clock_ns(CLOCK_MONOTONIC) - start_ns;
  advice.cpu_ns = clock_ns(CLOCK_PROCESS_CPUTIME_ID) - start_cpu_ns;
  kernel::MemoryReading memory;
  if (kernel::MemoryReader(root).read(memory)) {
    const Value& total = memory[kernel::MemoryField::total];
    advice.total_memory_bytes = total.is_missing() ? total : Value::of(total.as_unsigned() * 1024);
  }
  return advice;
}

int run_advise(Context& context, const Arguments& arguments) {
  const auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  const auto selection = select_processes(kernel::SystemRoot(), arguments);
  if (!selection) return context.report(selection.error());
  const auto advice = make_advice(context, *options, *selection);
  if (!advice) {
    const int code = context.report(advice.error());
    return context.waiter.interrupted() ? kExitCutShort : code;
  }
  if (advice->processes == 0 && advice->not_permitted > 0)
    return context.report(unreadable_error(*selection));
  switch (options->format) {
    case Format::csv:
      context.out.write(advise_csv(*advice));
      break;
    case Format::table:
      context.out.write(advise_text(*advice, terminal_size(context.out.fd()).columns));
      break;
    default:
      context.out.write(advise_json(*advice));
      break;
  }
  context.out.flush();
  if (advice->not_permitted > 0) context.note(left_out_note(advice->not_permitted));
  return kExitOk;
}

}  // namespace

CommandSpec swap_advise_command() {
  CommandSpec spec;
  spec.name = "swap advise";
  spec.area = "memory";
  spec.summary = "how well memory would compress in zram or zswap, and what it saves";
  spec.usages = {"isotach swap advise [OPTIONS]"};
  spec.description =
      "Reads a sample of the anonymous memory that is there now, compresses it with the algorithms that this "
      "kernel offers for zram and zswap, and computes what the kernel's pool would take for all of it: with "
      "the size classes of zsmalloc, pages of one repeated word (which take nothing) and pages that do not "
      "compress (which are stored whole). It tells what would be gained, with an interval, and the commands "
      "for it. Nothing is changed.\n\n"
      "lz4, lzo and zstd are the kernel's own methods; lzo-rle is measured as lzo, which takes a little more "
      "for pages with runs of zeros. Others are named but not measured.\n\n"
      "Only pages in memory are read: what is in swap already stays there. The memory that goes to swap "
      "first "
      "is what is used least, which need not compress as the rest does; --pid and --cgroup choose.";
  spec.options = process_selection_options();
  const std::vector<OptionSpec> more = {
      {.name = "--cold",
       .value_name = "SIZE",
       .help = "what if SIZE of it went to swap (default: all of it)",
       .group = "what if"},
      {.name = "--sample",
       .value_name = "PART",
       .help = "read this part of the pages (1/40, within 1000 to 12000 pages)",
       .group = "how it looks"},
      {.name = "--seed", .value_name = "N", .help = "choose the sample by N (1)", .group = "how it looks"},
  };
  spec.options.insert(spec.options.end(), more.begin(), more.end());
  for (OptionSpec& option : format_options())
    if (option.name != "--json-stream") spec.options.push_back(std::move(option));
  spec.examples = {
      {"isotach swap advise", "for all memory that this user may read"},
      {"isotach swap advise --cold 2Gi", "what a device for 2 GiB of it would take and give"},
      {"isotach swap advise --cgroup system.slice --json", "of services only, for a program"},
  };
  spec.run = run_advise;
  return spec;
}

}  // namespace isotach::command
