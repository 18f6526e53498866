#include "command/ksm/demo.h"

#include <fmt/format.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/ksm/commands.h"
#include "command/plot_session.h"
#include "kernel/host.h"
#include "kernel/meminfo.h"
#include "memory/ksm/choice.h"
#include "memory/ksm/meaning.h"
#include "view/plot/picture.h"

namespace isotach::command {
namespace {

constexpr int kPictureWidth = 1100;
constexpr int kPictureHeight = 760;
// What must stay free beside the program.
constexpr double kReserveBytes = 256.0 * 1024 * 1024;
constexpr std::int64_t kLongestIntervalOfDemoNs = 100'000'000;  // ten times a second, at the least

Result<DemoOptions> demo_options_of(const Arguments& arguments) {
  DemoOptions options;
  const auto fail = [](const Error& error) { return tl::make_unexpected(error); };
  const auto format = format_of(arguments);
  if (!format) return fail(format.error());
  options.format = *format;
  options.words = arguments.positionals();
  if (const auto text = arguments.value("--pages")) {
    const auto pages = parse_size(*text);
    if (!pages || *pages < 2)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no number of pages",
                     "as in: --pages 131072 (512 MiB where a page has 4 KiB)");
    options.pages = *pages;
  }
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return fail(interval_ns.error());
    if (*interval_ns > kLongestIntervalOfDemoNs)
      return failure(ErrorKind::usage, "samples so far apart would not show the merging",
                     "take 100ms or less; 20ms is taken without --interval");
    options.interval_ns = *interval_ns;
  }
  if (const auto text = arguments.value("--hold")) {
    const auto hold_ns = parse_duration_ns(*text);
    if (!hold_ns) return fail(hold_ns.error());
    options.hold_ns = *hold_ns;
  }
  options.unmerge = arguments.has("--unmerge") ? kernel::KsmUnmerge::where_needed : kernel::KsmUnmerge::never;
  options.force = arguments.has("--force");
  options.write = arguments.has("--write");
  options.trace = !arguments.has("--no-trace");
  options.dry_run = arguments.has("--dry-run");
  options.report_path = arguments.value("--report").value_or("");
  options.svg_path = arguments.value("--svg").value_or("");
  options.png_path = arguments.value("--png").value_or("");
  for (const std::string& path : {options.report_path, options.svg_path, options.png_path})
    if (!path.empty())
      if (auto writable = check_writable(path); !writable) return fail(writable.error());
  return options;
}

// The lab's settings, and what was asked for instead.
Result<kernel::KsmValues> wanted_settings(const DemoOptions& options) {
  const auto now = kernel::read_ksm_settings(kKsmFolder);
  if (!now) return tl::make_unexpected(now.error());
  kernel::KsmValues wanted;
  if (!options.words.empty()) {
    const auto force = options.force ? memory::KsmForce::yes : memory::KsmForce::no;
    auto chosen = memory::read_ksm_choice(options.words, *now, force);
    if (!chosen) return tl::make_unexpected(chosen.error());
    wanted = std::move(*chosen);
  }
  const kernel::KsmValues usual = {
      {"run", "1"}, {"pages_to_scan", "1000"}, {"sleep_millisecs", "20"}, {"advisor_mode", "none"}};
  for (const auto& [name, value] : usual)
    if (kernel::ksm_value(wanted, name) == nullptr && kernel::ksm_value(*now, name) != nullptr)
      wanted.emplace_back(name, value);
  return wanted;
}

Result<void> check_memory(std::uint64_t pages) {
  kernel::MemoryReading machine;
  kernel::MemoryReader reader{kernel::SystemRoot()};
  if (auto read = reader.read(machine); !read) return read;
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const double needed = static_cast<double>(pages) * (page + static_cast<double>(memory::kKsmBytesPerPage));
  const double available = static_cast<double>(machine.number(kernel::MemoryField::available)) * 1024;
  if (needed + kReserveBytes <= available) return {};
  const double fitting = (available - kReserveBytes) / (page + static_cast<double>(memory::kKsmBytesPerPage));
  return failure(ErrorKind::failed,
                 fmt::format("{} pages need {}, and {} are available: the pages are merged only after they "
                             "have all been there",
                             pages, format_bytes(needed), format_bytes(available)),
                 fitting > 1 ? fmt::format("at most --pages {:.0f}", fitting / 2) : std::string());
}

Result<void> write_files(const DemoOptions& options, const DemoResult& result, const std::string& host) {
  if (!options.report_path.empty())
    if (auto done = replace_file(options.report_path, view::html_of(demo_report(result, host))); !done)
      return done;
  if (options.svg_path.empty() && options.png_path.empty()) return {};
  const view::Figure figure = demo_figure(result, host);
  if (!options.svg_path.empty())
    if (auto done = replace_file(options.svg_path, view::svg_of(figure, kPictureWidth, kPictureHeight));
        !done)
      return done;
  if (options.png_path.empty()) return {};
  const auto png = view::png_of(figure, kPictureWidth, kPictureHeight);
  if (!png) return tl::make_unexpected(png.error());
  return replace_file(options.png_path, *png);
}

int show_demo_plan(Context& context, const DemoOptions& options, const kernel::KsmValues& wanted) {
  auto transaction = kernel::Transaction::begin({context.command_name, "ksm", true});
  if (!transaction) return context.report(transaction.error());
  std::vector<KsmWrite> writes;
  if (auto done = change_ksm(**transaction, wanted, options.unmerge, options.words, writes); !done)
    return context.report(done.error());
  return show_plan(context, **transaction);
}

int run_demo(Context& context, const Arguments& arguments) {
  const auto options = demo_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto wanted = wanted_settings(*options);
  if (!wanted) return context.report(wanted.error());
  if (auto fits = check_memory(options->pages); !fits) return context.report(fits.error());
  if (options->dry_run) return show_demo_plan(context, *options, *wanted);

  const auto result = measure_demo(context, *options, *wanted);
  if (!result) return context.report(result.error());
  const std::string host = kernel::read_host({}).name;
  print_demo(context, *result, options->format);
  context.out.flush();
  if (auto written = write_files(*options, *result, host); !written) return context.report(written.error());
  if (result->interrupted) return kExitCutShort;
  if (result->trace.why_not.empty() && result->agreement && !result->agreement->agrees())
    context.warn("samples and tracepoints differ by more than two periods: was the machine busy?");
  return kExitOk;
}

}  // namespace

CommandSpec ksm_demo_command() {
  CommandSpec spec;
  spec.name = "ksm demo";
  spec.area = "memory";
  spec.summary = "watch equal pages being merged: one program, one report";
  spec.usages = {"isotach ksm demo [OPTIONS] [NAME=VALUE...]"};
  spec.description =
      "Starts ksmd (run=1 pages_to_scan=1000 sleep_millisecs=20, or what is given), and a program that maps "
      "equal pages, fills them, offers them to KSM, holds them and ends; samples the machine and the program "
      "many times a second meanwhile. Says where the program started, where it reached its maximum, in which "
      "interval ksmd merged, and where it ended: found in the samples, and compared with the kernel's own "
      "tracepoints where there are any. The time that merging should take is told beforehand.\n\n"
      "The settings are put back when it ends, however it ends. The program holds its pages until a second "
      "after all are merged; --hold gives it a time instead.";
  spec.positionals = {{"NAME=VALUE", "settings of KSM to try, as in isotach ksm set", "", true}};
  spec.options = {
      {"--pages", 0, "N", "how many pages the program fills (131072: 512 MiB)", "what to do"},
      {"--hold", 0, "TIME", "how long it holds them; without it until all is merged", "what to do"},
      {"--write", 0, "", "write to every page before the end: what unmerging by writing costs", "what to do"},
      {"--no-trace", 0, "", "do not read the kernel's tracepoints", "what to do"},
      interval_option(),
      {"--report", 0, "FILE", "write a report with picture and tables: one HTML file", "output", {}, "file"},
      {"--svg", 0, "FILE", "write the picture as SVG", "output", {}, "file"},
      {"--png", 0, "FILE", "write it as PNG", "output", {}, "file"}};
  for (OptionSpec& option : format_options())
    if (option.name != "--json-stream") spec.options.push_back(std::move(option));
  spec.options.push_back(dry_run_option());
  spec.options.push_back(
      {"--unmerge", 0, "", "take apart what is merged, where a setting can be changed only then", "changes"});
  spec.options.push_back({"--force", 0, "", "try settings that are refused as harmful", "changes"});
  spec.examples = {
      {"isotach ksm demo --report ksm.html", "512 MiB, merged within seconds, and a page that shows it"},
      {"isotach ksm demo --pages 131072 --hold 10s --png ksm.png", "the lab's task: held for 10 s"},
      {"isotach ksm demo pages_to_scan=5000 max_page_sharing=1000", "with other settings"},
      {"isotach ksm demo --csv > samples.csv", "every sample"}};
  spec.run = run_demo;
  return spec;
}

}  // namespace isotach::command
