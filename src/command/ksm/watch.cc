// isotach ksm watch: free memory and what ksmd does, live. The session, the keys and the files are those of
// isotach plot; only the source is another, and where output is no terminal rows are printed.
#include <fmt/format.h>
#include <unistd.h>

#include <array>

#include "base/ticker.h"
#include "base/units.h"
#include "command/context.h"
#include "command/ksm/commands.h"
#include "command/plot_loop.h"
#include "command/plot_options.h"
#include "command/plot_session.h"
#include "command/plot_view.h"
#include "command/record_info.h"
#include "kernel/host.h"
#include "kernel/ksm.h"
#include "kernel/ksm_settings.h"
#include "kernel/meminfo.h"

namespace isotach::command {
namespace {

using kernel::KsmField;
using record::MetricDescriptor;

enum Line : std::size_t { kFree, kShared, kSharing, kUnsettled, kProfitPages, kProfit, kLines };

MetricDescriptor gauge(const char* name, Unit unit, const char* title, const char* help) {
  MetricDescriptor metric;
  metric.name = name;
  metric.unit = unit;
  metric.title = title;
  metric.help = help;
  return metric;
}

const std::array<MetricDescriptor, kLines>& metrics() {
  static const std::array<MetricDescriptor, kLines> kMetrics = {
      gauge("memory_free_bytes", Unit::bytes, "free", "Memory that is not used at all"),
      gauge("ksm_pages_shared", Unit::count, "shared", "Merged pages in memory"),
      gauge("ksm_pages_sharing", Unit::count, "sharing", "Further uses of merged pages: pages saved"),
      gauge("ksm_pages_unsettled", Unit::count, "unshared+volatile",
            "Pages watched and not merged; the two that it is made of swing with smart_scan"),
      gauge("ksm_profit_pages", Unit::count, "profit in pages", "The kernel's profit as a number of pages"),
      gauge("ksm_general_profit_bytes", Unit::bytes, "profit", "Bytes saved, less the cost of the account"),
  };
  return kMetrics;
}

class KsmFeed final : public PlotFeed {
 public:
  // With `rows`, prints one for each sample.
  KsmFeed(Context& context, PlotSession& session, record::SeriesTable& table, const kernel::SystemRoot& root,
          bool rows)
      : context_(context),
        session_(session),
        ksm_(root),
        meminfo_(root),
        ticker_(context.clock.now().monotonic_ns, session.options().interval_ns),
        rows_(rows) {
    for (std::size_t i = 0; i < kLines; ++i) ids_[i] = table.intern(metrics()[i]);
  }

  [[nodiscard]] std::int64_t deadline_ns() const override { return ticker_.deadline_ns(); }
  [[nodiscard]] Result<bool> on_input(const Instant&) override { return true; }

  [[nodiscard]] Result<bool> on_deadline(const Instant& now) override {
    kernel::MemoryReading memory;
    if (auto read = meminfo_.read(memory); !read) return tl::make_unexpected(read.error());
    kernel::KsmReading ksm;
    ksm_.read(ksm);
    std::array<Value, kLines> values;
    const Value& free_kib = memory[kernel::MemoryField::free];
    if (!free_kib.is_missing()) values[kFree] = Value::of(free_kib.as_unsigned() * 1024);
    values[kShared] = ksm[KsmField::pages_shared];
    values[kSharing] = ksm[KsmField::pages_sharing];
    values[kProfit] = ksm[KsmField::general_profit_bytes];
    const Value& unshared = ksm[KsmField::pages_unshared];
    const Value& changing = ksm[KsmField::pages_volatile];
    if (!unshared.is_missing() && !changing.is_missing())
      values[kUnsettled] = Value::of(unshared.as_unsigned() + changing.as_unsigned());
    if (!values[kProfit].is_missing())
      values[kProfitPages] = Value::of_real(values[kProfit].as_real() / page_bytes_);
    sample_.time = now;
    sample_.points.clear();
    for (std::size_t i = 0; i < kLines; ++i)
      if (ids_[i]) sample_.points.push_back({*ids_[i], values[i]});
    if (auto taken = session_.take(sample_); !taken) return tl::make_unexpected(taken.error());
    if (rows_) print_row(now, values);
    ticker_.advance(now.monotonic_ns);
    return true;
  }

  void finish() override {
    if (ticker_.missed() > 0)
      context_.note(fmt::format("{} samples came too late and were left out", ticker_.missed()));
  }

 private:
  void print_row(const Instant& now, const std::array<Value, kLines>& values) {
    if (printed_++ % kRowsPerHead == 0)
      context_.out.write(fmt::format("{:>10} {:>10} {:>10} {:>10} {:>18} {:>12}\n", "seconds", "free",
                                     "shared", "sharing", "unshared+volatile", "profit"));
    const auto start = session_.model().origin();
    const double since_s = start ? static_cast<double>(now.monotonic_ns - start->monotonic_ns) / 1e9 : 0;
    const auto number = [](const Value& value) {
      return value.is_missing() ? std::string("-") : fmt::format("{:.0f}", value.as_real());
    };
    const auto size = [](const Value& value) {
      if (value.is_missing()) return std::string("-");
      const double bytes = value.as_real();
      return bytes < 0 ? '-' + format_bytes(-bytes) : format_bytes(bytes);
    };
    context_.out.write(fmt::format("{:>10.2f} {:>10} {:>10} {:>10} {:>18} {:>12}\n", since_s,
                                   size(values[kFree]), number(values[kShared]), number(values[kSharing]),
                                   number(values[kUnsettled]), size(values[kProfit])));
    context_.out.flush();
  }

  static constexpr std::uint64_t kRowsPerHead = 20;

  Context& context_;
  PlotSession& session_;
  kernel::KsmReader ksm_;
  kernel::MemoryReader meminfo_;
  Ticker ticker_;
  bool rows_;
  std::uint64_t printed_ = 0;
  std::array<std::optional<record::SeriesId>, kLines> ids_;
  record::Sample sample_;
  double page_bytes_ = static_cast<double>(::sysconf(_SC_PAGESIZE));
};

int run_watch(Context& context, const Arguments& arguments) {
  auto options = plot_options_of(arguments);
  if (!options) return context.report(options.error());
  options->metrics = {"memory_free_bytes", "ksm_pages_shared", "ksm_pages_sharing", "ksm_pages_unsettled",
                      "ksm_profit_pages"};
  if (options->format != Format::table) options->metrics.push_back("ksm_general_profit_bytes");
  if (options->title.empty()) options->title = "Page merging (KSM)";
  const kernel::SystemRoot root =
      options->proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options->proc_root);
  if (const auto there = kernel::read_ksm_settings(root.path("sys/kernel/mm/ksm")); !there)
    return context.report(there.error());
  // The names are ours: the session takes them as those of a recording, which may hold anything.
  auto selection = PlotSelection::parse(options->metrics, PlotSourceKind::recording);
  if (!selection) return context.report(selection.error());

  record::SeriesTable table;
  PlotSession session(context, *options, std::move(*selection), table);
  session.set_host(kernel::read_host(root).name);
  const auto info = recording_info(context, arguments, root, context.clock.now(), options->interval_ns);
  if (auto opened = session.open(info); !opened) return context.report(opened.error());
  Result<void> done;
  {
    PlotView view(context, session);
    const bool rows = !context.out_is_terminal && options->format == Format::table;
    if (rows) session.set_rows_printed();
    KsmFeed feed(context, session, table, root, rows);
    done = run_feed(context, session, feed, view);
    feed.finish();
  }
  if (!done) return context.report(done.error());
  return session.finish(context.waiter.interrupted());
}

}  // namespace

CommandSpec ksm_watch_command() {
  CommandSpec spec;
  spec.name = "ksm watch";
  spec.area = "memory";
  spec.summary = "free memory and what ksmd merges, live";
  spec.usages = {"isotach ksm watch [OPTIONS]"};
  spec.description =
      "Plots free memory, pages_shared, pages_sharing, the sum of pages_unshared and pages_volatile, and the "
      "profit, live on a terminal, with their latest values beside their names; prints rows where standard "
      "output is no terminal. unshared and volatile are shown as their sum: with smart_scan each swings "
      "between "
      "nothing and everything from one scan to the next. The profit is drawn as a number of pages, so that "
      "it "
      "can be compared with pages_sharing: the distance is what keeping account costs.\n\n"
      "Keys, pictures and recordings are those of isotach plot.";
  for (const OptionSpec& option : plot_option_specs()) {
    bool taken = true;
    for (const char* name : {"--list", "--from", "--unit", "--total", "--fixed", "--auto"})
      taken = taken && option.name != name;
    if (taken) spec.options.push_back(option);
  }
  spec.examples = {{"isotach ksm watch", "live, ten minutes visible with --window 10m"},
                   {"isotach ksm watch -i 0.1 -n 50 --csv > ksm.csv", "fifty samples, ten a second"},
                   {"isotach ksm watch --for 30s --svg ksm.svg", "a picture of half a minute"}};
  spec.run = run_watch;
  return spec;
}

}  // namespace isotach::command
