// isotach ksm top: which processes have merged pages, and what each gains.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "base/ticker.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/ksm/commands.h"
#include "kernel/ksm_process.h"
#include "kernel/process.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

struct Row {
  unsigned pid = 0;
  std::string command;
  kernel::KsmProcessReading ksm;
};

struct Processes {
  std::vector<Row> rows;  // those that use KSM, the most merged pages first
  std::size_t seen = 0;
  std::size_t hidden = 0;  // that we may not look into
  bool old_kernel = false;
};

struct TopOptions {
  Format format = Format::table;
  std::size_t limit = 20;
  bool live = false;
  std::int64_t interval_ns = 0;
};

Result<Processes> read_processes(const kernel::SystemRoot& root) {
  kernel::ProcessLister lister(root);
  std::vector<kernel::ProcessLister::Found> found;
  if (auto listed = lister.list_new(found); !listed) return tl::make_unexpected(listed.error());
  Processes processes;
  for (const auto& process : found) {
    ++processes.seen;
    Row row{process.pid, {}, kernel::read_ksm_process(root, process.pid)};
    const Value& merging = row.ksm.merging_pages;
    if (merging.is_missing()) {
      if (merging.reason() == Missing::not_permitted) ++processes.hidden;
      if (merging.reason() == Missing::not_supported) processes.old_kernel = true;
      continue;
    }
    if (!row.ksm.uses_ksm()) continue;
    kernel::ProcessReading reading;
    kernel::ProcessReader reader(root, process.pid);
    if (const auto presence = reader.read(reading); presence && *presence == kernel::Presence::present)
      row.command = reading.command;
    processes.rows.push_back(std::move(row));
  }
  std::sort(processes.rows.begin(), processes.rows.end(), [](const Row& a, const Row& b) {
    const auto pages = [](const Row& row) {
      return row.ksm.merging_pages.as_unsigned() + row.ksm.zero_pages.as_unsigned();
    };
    if (pages(a) != pages(b)) return pages(a) > pages(b);
    if (a.ksm.rmap_items.as_unsigned() != b.ksm.rmap_items.as_unsigned())
      return a.ksm.rmap_items.as_unsigned() > b.ksm.rmap_items.as_unsigned();
    return a.pid < b.pid;
  });
  return processes;
}

std::string number_text(const Value& value) {
  return value.is_missing() ? "-" : fmt::format("{:.0f}", value.as_real());
}

std::string bytes_text(const Value& value) {
  if (value.is_missing()) return "-";
  const double bytes = value.as_real();
  return bytes < 0 ? '-' + format_bytes(-bytes) : format_bytes(bytes);
}

// How its memory was offered to ksmd.
std::string offered_text(const kernel::KsmProcessReading& ksm) {
  if (ksm.merge_any.as_unsigned() == 1) return "all";
  if (ksm.mergeable.as_unsigned() == 1) return "parts";
  if (ksm.merge_any.is_missing()) return "-";
  return ksm.mergeable.is_missing() ? "parts" : "no longer";
}

void write_table(Context& context, const Processes& processes, const TopOptions& options) {
  const int columns = context.out_is_terminal ? terminal_size(context.out.fd()).columns : 120;
  view::Table table({{"pid", view::Align::right},
                     {"merged", view::Align::quantity},
                     {"pages", view::Align::right, 1},
                     {"zero pages", view::Align::right, 3},
                     {"watched", view::Align::right, 2},
                     {"profit", view::Align::quantity},
                     {"offers", view::Align::left, 4},
                     {"command", view::Align::left, 0, 8}});
  const auto page = static_cast<double>(::sysconf(_SC_PAGESIZE));
  const std::size_t shown = std::min(options.limit, processes.rows.size());
  for (std::size_t i = 0; i < shown; ++i) {
    const Row& row = processes.rows[i];
    const double merged = row.ksm.merging_pages.as_real() + row.ksm.zero_pages.as_real();
    table.row({fmt::to_string(row.pid), format_bytes(merged * page), number_text(row.ksm.merging_pages),
               number_text(row.ksm.zero_pages), number_text(row.ksm.rmap_items),
               bytes_text(row.ksm.profit_bytes), offered_text(row.ksm), row.command});
  }
  if (shown > 0) {
    context.out.write(table.text(columns));
  } else {
    context.out.write("no process that can be seen offers memory to KSM\n");
  }
  if (processes.rows.size() > shown)
    context.out.write(
        fmt::format("{} more; -n {} shows all\n", processes.rows.size() - shown, processes.rows.size()));
}

void write_json(Context& context, const Processes& processes, const TopOptions& options, Instant now) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.ksm.top.v1");
  json.key("time").string(format_wall_time_utc(now.wall_ns));
  json.key("processes_seen").unsigned_integer(processes.seen);
  json.key("processes_hidden").unsigned_integer(processes.hidden);
  json.key("processes").begin_array();
  for (std::size_t i = 0; i < std::min(options.limit, processes.rows.size()); ++i) {
    const Row& row = processes.rows[i];
    const auto flag = [&](const char* key, const Value& value) {
      json.key(key);
      value.is_missing() ? json.null() : json.boolean(value.as_unsigned() == 1);
    };
    json.begin_object();
    json.key("pid").unsigned_integer(row.pid);
    json.key("command").string(row.command);
    json.key("merging_pages").value(row.ksm.merging_pages);
    json.key("zero_pages").value(row.ksm.zero_pages);
    json.key("rmap_items").value(row.ksm.rmap_items);
    json.key("profit_bytes").value(row.ksm.profit_bytes);
    flag("merge_any", row.ksm.merge_any);
    flag("mergeable", row.ksm.mergeable);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  context.out.write(json.text() + '\n');
}

void write_csv(Context& context, const Processes& processes, const TopOptions& options, bool head,
               Instant now) {
  view::CsvWriter csv;
  if (head)
    csv.head({"time", "pid", "command", "merging_pages", "zero_pages", "rmap_items", "profit_bytes",
              "merge_any", "mergeable"});
  for (std::size_t i = 0; i < std::min(options.limit, processes.rows.size()); ++i) {
    const Row& row = processes.rows[i];
    csv.text(format_wall_time_utc(now.wall_ns)).unsigned_integer(row.pid).text(row.command);
    csv.value(row.ksm.merging_pages).value(row.ksm.zero_pages).value(row.ksm.rmap_items);
    csv.value(row.ksm.profit_bytes).value(row.ksm.merge_any).value(row.ksm.mergeable).end_row();
  }
  context.out.write(csv.take());
}

Result<TopOptions> top_options_of(const Arguments& arguments) {
  TopOptions options;
  auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (const auto text = arguments.value("--count")) {
    auto count = parse_count(*text, "number of processes");
    if (!count) return tl::make_unexpected(count.error());
    options.limit = static_cast<std::size_t>(*count);
  }
  if (const auto text = arguments.value("--interval")) {
    auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
    options.live = true;
  }
  return options;
}

void say_what_is_missing(Context& context, const Processes& processes) {
  if (processes.hidden > 0)
    context.note(
        fmt::format("{} of {} processes may not be looked into: only root, or CAP_SYS_PTRACE, sees "
                    "the merging of others' processes",
                    processes.hidden, processes.seen));
  if (processes.old_kernel && processes.rows.empty())
    context.note("this kernel does not tell which process has merged pages (Linux 6.1 and later do)");
}

int run_top(Context& context, const Arguments& arguments) {
  const auto options = top_options_of(arguments);
  if (!options) return context.report(options.error());
  const auto proc_root = proc_root_of(arguments);
  if (!proc_root) return context.report(proc_root.error());
  const kernel::SystemRoot root = proc_root->empty() ? kernel::SystemRoot() : kernel::SystemRoot(*proc_root);
  Ticker ticker(context.clock.now().monotonic_ns, std::max<std::int64_t>(options->interval_ns, 1));
  const bool redraw = options->live && context.out_is_terminal && options->format == Format::table;
  for (bool first = true;; first = false) {
    const auto processes = read_processes(root);
    if (!processes) return context.report(processes.error());
    const Instant now = context.clock.now();
    if (redraw) context.out.write("\033[H\033[2J");
    if (options->live && options->format == Format::table)
      context.out.write((first || redraw ? "" : "\n") + format_wall_time_local(now.wall_ns) + '\n');
    if (options->format == Format::csv)
      write_csv(context, *processes, *options, first, now);
    else if (options->format == Format::table)
      write_table(context, *processes, *options);
    else
      write_json(context, *processes, *options, now);
    context.out.flush();
    if (first || !options->live) say_what_is_missing(context, *processes);
    if (!options->live) return kExitOk;
    ticker.advance(context.clock.now().monotonic_ns);
    for (;;) {
      const Wake wake = context.waiter.wait_until(ticker.deadline_ns(), {-1, context.out.fd()});
      if (wake == Wake::interrupted || wake == Wake::output_closed) return kExitOk;
      if (wake == Wake::deadline || wake == Wake::resized) break;
    }
  }
}

}  // namespace

CommandSpec ksm_top_command() {
  CommandSpec spec;
  spec.name = "ksm top";
  spec.area = "memory";
  spec.summary = "which processes have merged pages, and what each gains";
  spec.usages = {"isotach ksm top [OPTIONS]"};
  spec.description =
      "Lists the processes that offer memory to KSM, those with the most merged pages first: how much of "
      "their memory is merged, how many empty pages were replaced by the zero page, how many pages ksmd "
      "keeps account of (watched), and the profit as the kernel reckons it for each process alone. A page "
      "that is merged counts in every process that has it, the one that stays as well, so that the profits "
      "do not add up to that of the machine.\n\n"
      "offers: all for a process whose whole memory was offered (PR_SET_MEMORY_MERGE), parts for one that "
      "called madvise(MADV_MERGEABLE).";
  OptionSpec count = count_option();
  count.help = "show that many processes (20)";
  spec.options = {std::move(count), interval_option()};
  spec.options.back().help = "show them again and again, that far apart";
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.options.push_back(proc_root_option());
  spec.examples = {{"isotach ksm top", "the twenty that have the most"},
                   {"isotach ksm top -i 1 -n 5", "the first five, every second, until Ctrl-C"}};
  spec.run = run_top;
  return spec;
}

}  // namespace isotach::command
