// isotach swap top: who uses swap: processes, control groups, areas.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/live_loop.h"
#include "command/swap/commands.h"
#include "command/swap/state.h"
#include "kernel/memory_groups.h"
#include "kernel/pagemap.h"
#include "memory/swap/user_reader.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"
#include "view/terminal/screen.h"

namespace isotach::command {
namespace {

constexpr std::size_t kDefaultRows = 10;

struct TopOptions {
  Format format = Format::table;
  std::size_t rows = kDefaultRows;  // of processes and of groups
  memory::SwapOrder order = memory::SwapOrder::swap;
  std::optional<std::int64_t> interval_ns;
  std::optional<std::uint64_t> count;
  std::string proc_root;
};

struct GroupRow {
  std::string path;
  std::uint64_t own_bytes = 0, all_bytes = 0;
  std::optional<std::uint64_t> limit_bytes;
};

// Everything that is shown of one moment.
struct TopReading {
  SwapState state;
  memory::SwapUsers users;
  std::vector<GroupRow> groups;
  bool has_groups = false;
  memory::SwapAccount account;
  // By row of state.areas: pages of processes in it; missing where that may not be read.
  std::vector<Value> counted_in_area;
};

Result<std::vector<kernel::SwapDevice>> areas_in_order(const kernel::SystemRoot& root) {
  std::vector<kernel::SwapDevice> devices;
  if (auto read = kernel::SwapDeviceReader(root).read(devices); !read)
    return tl::make_unexpected(read.error());
  return devices;
}

// `in_order` as /proc/swaps lists them, which is the order of their numbers.
std::vector<Value> count_by_area(const TopReading& reading, const std::vector<kernel::SwapDevice>& in_order) {
  std::vector<std::uint64_t> used_pages;
  const std::uint64_t page = kernel::page_size_bytes();
  for (const kernel::SwapDevice& area : in_order) used_pages.push_back(area.used_kib * 1024 / page);
  const auto numbers = memory::number_areas(used_pages, reading.users.pages_by_area);
  std::vector<Value> counted;
  for (const memory::SwapAreaRow& row : reading.state.areas.rows) {
    Value value = reading.users.areas_hidden ? Missing::not_permitted : Missing::not_supported;
    for (std::size_t i = 0; numbers && !reading.users.areas_hidden && i < in_order.size(); ++i) {
      if (in_order[i].path != row.area.path) continue;
      const auto found = reading.users.pages_by_area.find((*numbers)[i]);
      value = Value::of(found == reading.users.pages_by_area.end() ? 0 : found->second * page);
    }
    counted.push_back(value);
  }
  return counted;
}

Result<TopReading> read_top(const kernel::SystemRoot& root, memory::SwapOrder order) {
  TopReading reading;
  const auto hierarchy = kernel::find_memory_hierarchy(root);
  auto users = memory::read_swap_users(root, hierarchy, true);
  if (!users) return tl::make_unexpected(users.error());
  reading.users = std::move(*users);
  auto state = read_swap_state(root);
  if (!state) return tl::make_unexpected(state.error());
  reading.state = std::move(*state);
  const auto in_order = areas_in_order(root);
  if (!in_order) return tl::make_unexpected(in_order.error());
  if (hierarchy)
    if (const auto groups = kernel::read_memory_groups(*hierarchy)) {
      reading.has_groups = true;
      for (const kernel::MemoryGroup& group : *groups) {
        const std::uint64_t own = group.own_swap_bytes.as_unsigned();
        const std::uint64_t all = group.swap_bytes.as_unsigned();
        if (own > 0 || (all > 0 && group.limit_bytes))
          reading.groups.push_back({group.path, own, all, group.limit_bytes});
      }
      std::stable_sort(reading.groups.begin(), reading.groups.end(),
                       [](const GroupRow& a, const GroupRow& b) { return a.own_bytes > b.own_bytes; });
    }
  memory::sort_users(reading.users.processes, order);
  reading.account = memory::account_for(reading.state.areas.used_bytes, reading.state.areas.cached_bytes,
                                        reading.users.processes);
  reading.counted_in_area = count_by_area(reading, *in_order);
  return reading;
}

std::string bytes_text(const Value& value) {
  return value.is_missing() ? "-" : format_bytes(value.as_real());
}
std::string bytes_text(std::uint64_t bytes) {
  return format_bytes(static_cast<double>(bytes));
}

view::Table process_table(const TopReading& reading, std::size_t rows) {
  view::Table table({{"pid", view::Align::right},
                     {"command", view::Align::left, 0, 8},
                     {"swap", view::Align::quantity},
                     {"share", view::Align::quantity, 1},
                     {"group", view::Align::left, 2, 10}});
  const std::size_t count =
      std::min(rows == 0 ? reading.users.processes.size() : rows, reading.users.processes.size());
  for (std::size_t i = 0; i < count; ++i) {
    const memory::SwapProcess& process = reading.users.processes[i];
    table.row({std::to_string(process.pid), process.command, bytes_text(process.swap_bytes),
               bytes_text(process.share_bytes), process.group});
  }
  return table;
}

view::Table group_table(const TopReading& reading, std::size_t rows) {
  view::Table table({{"control group", view::Align::left, 0, 16},
                     {"swap", view::Align::quantity},
                     {"with those below", view::Align::quantity, 2},
                     {"memory limit", view::Align::quantity, 1}});
  const std::size_t count = std::min(rows == 0 ? reading.groups.size() : rows, reading.groups.size());
  for (std::size_t i = 0; i < count; ++i) {
    const GroupRow& group = reading.groups[i];
    table.row({group.path, bytes_text(group.own_bytes), bytes_text(group.all_bytes),
               group.limit_bytes ? bytes_text(*group.limit_bytes) : "none"});
  }
  return table;
}

view::Table area_table(const TopReading& reading) {
  view::Table table({{"area", view::Align::left, 0, 12},
                     {"used", view::Align::quantity},
                     {"of processes", view::Align::quantity},
                     {"priority", view::Align::right, 1}});
  for (std::size_t i = 0; i < reading.state.areas.rows.size(); ++i) {
    const kernel::SwapDevice& area = reading.state.areas.rows[i].area;
    table.row({area.path, bytes_text(area.used_kib * 1024), bytes_text(reading.counted_in_area[i]),
               std::to_string(area.priority)});
  }
  return table;
}

// How the sum of the processes compares with what is used.
view::Table account_table(const memory::SwapAccount& account) {
  view::Table table(
      {{"", view::Align::left, 0, 20}, {"", view::Align::quantity}, {"", view::Align::left, 1, 20}});
  table.row({"used in all areas", bytes_text(account.used_bytes), ""});
  table.row({"of the processes", bytes_text(account.process_bytes), "their shares, where they may be read"});
  table.row({"the rest", bytes_text(account.rest_bytes),
             account.least_rest_bytes == account.rest_bytes
                 ? "shared memory, tmpfs, what is hidden from us"
                 : "swap cache (at most " + bytes_text(account.cached_bytes) +
                       "), shared memory, tmpfs, what is hidden from us"});
  if (account.excess_bytes > 0)
    table.row({"counted too often", bytes_text(account.excess_bytes), "came back meanwhile, or shared"});
  return table;
}

std::vector<std::string> notes_of(const TopReading& reading) {
  std::vector<std::string> notes;
  if (reading.users.unreadable > 0)
    notes.push_back(fmt::format("{} processes hide their shares from this user; root may read them",
                                reading.users.unreadable));
  if (reading.users.areas_hidden)
    notes.push_back("which area a page is in is told to those with CAP_SYS_ADMIN only");
  return notes;
}

std::string whole_text(const TopReading& reading, const TopOptions& options, int columns) {
  if (reading.state.areas.rows.empty())
    return fmt::format("No swap: nothing can be swapped out.\nTo make some: {}\n", kHowToMakeSwap);
  std::string text;
  if (reading.users.processes.empty()) {
    text = "No process has anything swapped out.\n";
  } else {
    text = process_table(reading, options.rows).text(columns);
    const std::size_t all = reading.users.processes.size();
    if (options.rows > 0 && all > options.rows)
      text += fmt::format("and {} more; --rows 0 shows all\n", all - options.rows);
  }
  if (!reading.groups.empty()) text += '\n' + group_table(reading, options.rows).text(columns);
  text += '\n' + area_table(reading).text(columns);
  text += '\n' + account_table(reading.account).text(columns);
  return text;
}

void write_json(view::JsonWriter& json, const TopReading& reading, const Instant& now) {
  json.begin_object();
  json.key("schema").string("isotach.swap.top.v1");
  json.key("time").string(format_wall_time_utc(now.wall_ns));
  json.key("processes").begin_array();
  for (const memory::SwapProcess& process : reading.users.processes) {
    json.begin_object();
    json.key("pid").unsigned_integer(process.pid);
    json.key("command").string(process.command);
    json.key("group").string(process.group);
    json.key("swap_bytes").unsigned_integer(process.swap_bytes);
    json.key("swap_share_bytes").value(process.share_bytes);
    json.end_object();
  }
  json.end_array();
  json.key("groups").begin_array();
  for (const GroupRow& group : reading.groups) {
    json.begin_object();
    json.key("path").string(group.path);
    json.key("own_swap_bytes").unsigned_integer(group.own_bytes);
    json.key("swap_bytes").unsigned_integer(group.all_bytes);
    json.key("limit_bytes").value(group.limit_bytes ? Value::of(*group.limit_bytes) : Value());
    json.end_object();
  }
  json.end_array();
  json.key("areas").begin_array();
  for (std::size_t i = 0; i < reading.state.areas.rows.size(); ++i) {
    const kernel::SwapDevice& area = reading.state.areas.rows[i].area;
    json.begin_object();
    json.key("path").string(area.path);
    json.key("used_bytes").unsigned_integer(area.used_kib * 1024);
    json.key("of_processes_bytes").value(reading.counted_in_area[i]);
    json.key("priority").integer(area.priority);
    json.end_object();
  }
  json.end_array();
  json.key("used_bytes").unsigned_integer(reading.account.used_bytes);
  json.key("cached_bytes").value(reading.account.cached_bytes);
  json.key("of_processes_bytes").unsigned_integer(reading.account.process_bytes);
  json.key("rest_bytes").unsigned_integer(reading.account.rest_bytes);
  json.key("unaccounted_bytes").unsigned_integer(reading.account.least_rest_bytes);
  json.key("excess_bytes").unsigned_integer(reading.account.excess_bytes);
  json.key("unreadable_processes").unsigned_integer(reading.users.unreadable);
  json.end_object();
}

class TopRun {
 public:
  TopRun(Context& context, TopOptions options)
      : context_(context),
        options_(std::move(options)),
        root_(options_.proc_root.empty() ? kernel::SystemRoot() : kernel::SystemRoot(options_.proc_root)) {}

  int run() {
    if (options_.format == Format::csv)
      csv_.head({"time", "pid", "command", "group", "swap_bytes", "swap_share_bytes"});
    if (options_.interval_ns && context_.out_is_terminal && options_.format == Format::table)
      if (auto screen = view::Screen::open({context_.color}, context_.waiter)) screen_ = std::move(*screen);
    auto first = sample();
    if (first && options_.interval_ns && options_.count.value_or(2) > 1) first = go_on();
    screen_.reset();
    if (!first) return context_.report(first.error());
    if (last_notes_.empty()) return kExitOk;
    for (const std::string& note : last_notes_) context_.note(note);
    return kExitOk;
  }

 private:
  Result<void> go_on() {
    LiveLoop loop(context_, screen_.get(),
                  {.interval_ns = *options_.interval_ns,
                   .count = options_.count ? std::optional(*options_.count - 1) : std::nullopt,
                   .duration_ns = {}});
    const auto ended = loop.run({.sample = [this] { return sample(); },
                                 .draw = [this] { draw(reading_, time_); },
                                 .key = [](const view::Key& key) { return !is_quit_key(key); }});
    if (!ended) return tl::make_unexpected(ended.error());
    return {};
  }

  Result<void> sample() {
    time_ = context_.clock.now();
    auto reading = read_top(root_, options_.order);
    if (!reading) return tl::make_unexpected(std::move(reading.error()));
    reading_ = std::move(*reading);
    show(reading_, time_, shown_++ == 0);
    return {};
  }

  void show(const TopReading& reading, const Instant& now, bool first) {
    last_notes_ = options_.format == Format::table ? notes_of(reading) : std::vector<std::string>();
    if (options_.format == Format::json || options_.format == Format::json_stream) {
      view::JsonWriter json;
      write_json(json, reading, now);
      context_.out.write(json.text() + '\n');
    } else if (options_.format == Format::csv) {
      for (const memory::SwapProcess& process : reading.users.processes)
        csv_.text(format_wall_time_utc(now.wall_ns))
            .unsigned_integer(process.pid)
            .text(process.command)
            .text(process.group)
            .unsigned_integer(process.swap_bytes)
            .value(process.share_bytes)
            .end_row();
      context_.out.write(csv_.take());
    } else if (!screen_) {
      const int columns = context_.out_is_terminal ? terminal_size(context_.out.fd()).columns : 200;
      if (!first) context_.out.write("\n");
      if (options_.interval_ns) context_.out.write(format_wall_time_local(now.wall_ns) + '\n');
      context_.out.write(whole_text(reading, options_, columns));
    }
    context_.out.flush();
  }

  void draw(const TopReading& reading, const Instant& now) {
    view::Grid grid(screen_->columns(), screen_->rows());
    grid.write(0, 0, "Who uses swap", view::Style::title);
    grid.write_right(grid.columns() - 1, 0, format_wall_time_local(now.wall_ns) + "  q quits",
                     view::Style::dim);
    // Areas and the account come first: they are short, and what is left is for the processes.
    int row = area_table(reading).draw(grid, 0, 2) + 1;
    row = account_table(reading.account).draw(grid, 0, row) + 1;
    const std::size_t groups = std::min<std::size_t>(reading.groups.size(), 3);
    if (groups > 0) row = group_table(reading, groups).draw(grid, 0, row) + 1;
    const int room = grid.rows() - row - 1;
    if (room > 0 && !reading.users.processes.empty())
      process_table(reading, static_cast<std::size_t>(room)).draw(grid, 0, row);
    screen_->draw(grid);
  }

  Context& context_;
  TopOptions options_;
  kernel::SystemRoot root_;
  view::CsvWriter csv_;
  std::unique_ptr<view::Screen> screen_;
  TopReading reading_;
  Instant time_;
  std::uint64_t shown_ = 0;
  std::vector<std::string> last_notes_;
};

Result<TopOptions> options_of(const Arguments& arguments) {
  TopOptions options;
  const auto format = format_of(arguments);
  if (!format) return tl::make_unexpected(format.error());
  options.format = *format;
  if (const auto text = arguments.value("--rows")) {
    const auto rows = parse_unsigned(*text);
    if (!rows)
      return failure(ErrorKind::usage, "'" + printable(*text) + "' is no number of rows",
                     "write a whole number; 0 shows all");
    options.rows = static_cast<std::size_t>(*rows);
  }
  const std::string order = arguments.value("--sort").value_or("swap");
  options.order = order == "share"  ? memory::SwapOrder::share
                  : order == "pid"  ? memory::SwapOrder::pid
                  : order == "name" ? memory::SwapOrder::name
                                    : memory::SwapOrder::swap;
  if (const auto text = arguments.value("--interval")) {
    const auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(interval_ns.error());
    options.interval_ns = *interval_ns;
  }
  if (const auto text = arguments.value("--count")) {
    const auto count = parse_count(*text, "count");
    if (!count) return tl::make_unexpected(count.error());
    options.count = *count;
    if (!options.interval_ns) options.interval_ns = kNanosecondsPerSecond;
  }
  if (options.format == Format::json && options.interval_ns)
    return failure(ErrorKind::usage, "--json prints one document of one moment",
                   "for one object a line, again and again: --json-stream");
  auto proc_root = proc_root_of(arguments);
  if (!proc_root) return tl::make_unexpected(proc_root.error());
  options.proc_root = std::move(*proc_root);
  return options;
}

int run_top(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json") || arguments.has("--json-stream");
  auto options = options_of(arguments);
  if (!options) return context.report(options.error());
  return TopRun(context, std::move(*options)).run();
}

}  // namespace

CommandSpec swap_top_command() {
  CommandSpec spec;
  spec.name = "swap top";
  spec.area = "memory";
  spec.summary = "who uses swap: processes, control groups, areas";
  spec.usages = {"isotach swap top [OPTIONS]"};
  spec.description =
      "Shows the processes with the most in swap, the memory control groups (of version 1 and 2), and each "
      "area with what of it belongs to processes; then how the sums compare with what is used. What no "
      "process accounts for is shown, not hidden: shared memory and tmpfs have no process of their own, and "
      "without root the shares of others are not told.\n\n"
      "swap is what the page tables of a process name (VmSwap): pages that it shares with others since a "
      "fork() count in each. share divides them (SwapPss), so that shares can be added up. In which area a "
      "page lies is read from /proc/PID/pagemap.";
  spec.options = {
      {"--rows", 0, "N", "processes and groups to show, 10 without it; 0 shows all", "what to show"},
      {"--sort", 's', "ORDER", "order of the processes", "what to show", {"swap", "share", "pid", "name"}},
      interval_option(),
      count_option(),
  };
  for (OptionSpec& option : format_options()) spec.options.push_back(std::move(option));
  spec.options.push_back(proc_root_option());
  spec.examples = {{"isotach swap top", "who uses swap now"},
                   {"isotach swap top -i 1", "live, until q or Ctrl-C"},
                   {"isotach swap top --json | jq .unaccounted_bytes", "what nobody accounts for"}};
  spec.run = run_top;
  return spec;
}

}  // namespace isotach::command
