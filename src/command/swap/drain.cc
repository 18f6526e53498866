// isotach swap drain: brings back what is swapped out, without harm, and switches everything on again.
#include <fmt/format.h>

#include <cerrno>
#include <set>

#include "base/text.h"
#include "base/units.h"
#include "command/change_options.h"
#include "command/context.h"
#include "command/swap/commands.h"
#include "command/swap/drain_flow.h"
#include "kernel/swap_control.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

struct DoneArea {
  memory::DrainArea area;
  Drained drained;
};

void write_plan(view::JsonWriter& json, const MadePlan& made) {
  json.key("areas").begin_array();
  for (const memory::DrainArea& area : made.plan.steps) {
    json.begin_object();
    json.key("path").string(area.path);
    json.key("used_bytes").unsigned_integer(area.used_bytes);
    json.key("priority").integer(area.priority);
    json.end_object();
  }
  json.end_array();
  json.key("returning_bytes").unsigned_integer(made.plan.returning_bytes);
  json.key("room_bytes").unsigned_integer(made.plan.room_bytes);
  json.key("reserve_bytes").unsigned_integer(made.input.reserve_bytes);
  json.key("safe").boolean(made.plan.is_safe());
  json.key("rate_bytes_per_second").real(made.input.bytes_per_second);
  json.key("rate_measured").boolean(made.measured);
  json.key("estimated_seconds").real(made.plan.seconds);
  json.key("full_groups").begin_array();
  for (const memory::GroupInTheWay& group : made.plan.in_the_way) {
    json.begin_object();
    json.key("path").string(group.path);
    json.key("limit_bytes").unsigned_integer(group.limit_bytes);
    json.key("usage_bytes").unsigned_integer(group.usage_bytes);
    json.key("returning_bytes").unsigned_integer(group.returning_bytes);
    json.key("needed_limit_bytes").unsigned_integer(group.needed_bytes);
    json.end_object();
  }
  json.end_array();
}

class DrainRun {
 public:
  DrainRun(Context& context, DrainOptions options, bool dry_run)
      : context_(context), options_(options), dry_run_(dry_run) {}

  int run(const std::vector<std::string>& words) {
    const auto state = read_swap_state(kernel::SystemRoot());
    if (!state) return context_.report(state.error());
    const auto chosen = choose(*state, words);
    if (!chosen) return context_.report(chosen.error());
    if (chosen->empty()) return nothing_to_do();
    auto made = make_drain_plan(*state, *chosen, options_);
    if (!made) return context_.report(made.error());
    made_ = std::move(*made);
    if (dry_run_) return show_drain_plan();
    if (auto why_not = why_not_drain(made_)) return context_.report(*why_not);
    auto begun = kernel::Transaction::begin({"swap drain", "swap", false});
    if (!begun) return context_.report(begun.error());
    if (made_.plan.seconds && !context_.json_errors)
      context_.note(fmt::format("{} come back, which takes about {}",
                                format_bytes(static_cast<double>(made_.plan.returning_bytes)),
                                format_duration_ns(*made_.plan.seconds * 1e9)));
    const auto drained = drain(**begun);
    // Whatever happened: what is still off is switched on.
    const auto back = (*begun)->put_back();
    print_done(drained.has_value());
    if (!back) return context_.report(back.error());
    if (drained) return kExitOk;
    if (drained.error().errno_value != ECANCELED) return context_.report(drained.error());
    context_.note("stopped; all areas are on as they were");
    return kExitCutShort;
  }

 private:
  static Result<std::set<std::string>> choose(const SwapState& state, const std::vector<std::string>& words) {
    std::set<std::string> chosen;
    for (const std::string& word : words) {
      const auto path = swap_path_of(word);
      if (!path) return tl::make_unexpected(path.error());
      const kernel::SwapDevice* area = find_area(state, *path);
      if (area == nullptr)
        return failure(ErrorKind::failed, printable(*path) + " is no swap area in use",
                       "isotach swap lists the areas in use");
      chosen.insert(area->path);
    }
    if (words.empty())
      for (const memory::SwapAreaRow& row : state.areas.rows) chosen.insert(row.area.path);
    return chosen;
  }

  int nothing_to_do() {
    if (!context_.json_errors) {
      context_.out.write("No swap is on: there is nothing to drain.\n");
      return kExitOk;
    }
    print_done(true);
    return kExitOk;
  }

  int show_drain_plan() {
    if (context_.json_errors) {
      view::JsonWriter json;
      json.begin_object();
      json.key("schema").string("isotach.swap.drain.plan.v1");
      write_plan(json, made_);
      json.end_object();
      context_.out.write(json.text() + '\n');
    } else {
      print_drain_plan(context_, made_);
    }
    context_.out.flush();
    const auto why_not = why_not_drain(made_);
    if (!why_not) return kExitOk;
    context_.warn(why_not->message());
    context_.note(why_not->remedy);
    return kExitFailed;
  }

  Result<void> drain(kernel::Transaction& transaction) {
    for (const memory::DrainArea& area : made_.plan.steps) {
      const auto drained = switch_area_off(context_, transaction, area, made_.input.reserve_bytes, options_);
      if (!drained) return tl::make_unexpected(drained.error());
      auto on = transaction.change(fmt::format("switch it on again, priority {}", area.priority), {},
                                   [&] { return kernel::swap_on(area.path, area.priority, area.discard); });
      if (!on) return on;
      done_.push_back({area, *drained});
    }
    return {};
  }

  void print_done(bool complete) {
    if (context_.json_errors) {
      view::JsonWriter json;
      json.begin_object();
      json.key("schema").string("isotach.swap.drain.v1");
      json.key("complete").boolean(complete);
      json.key("plan").begin_object();
      write_plan(json, made_);
      json.end_object();
      json.key("drained").begin_array();
      for (const DoneArea& done : done_) {
        json.begin_object();
        json.key("path").string(done.area.path);
        json.key("bytes").unsigned_integer(done.drained.bytes);
        json.key("seconds").real(static_cast<double>(done.drained.took_ns) / 1e9);
        json.key("priority").integer(done.area.priority);
        json.end_object();
      }
      json.end_array();
      json.end_object();
      context_.out.write(json.text() + '\n');
      return;
    }
    if (done_.empty()) return;
    view::Table table({{"drained", view::Align::left, 0, 12},
                       {"came back", view::Align::quantity},
                       {"in", view::Align::quantity, 1},
                       {"at", view::Align::quantity, 2},
                       {"on again, priority", view::Align::right, 3}});
    for (const DoneArea& done : done_) {
      const double seconds = static_cast<double>(done.drained.took_ns) / 1e9;
      const double rate = seconds > 0 ? static_cast<double>(done.drained.bytes) / seconds : 0;
      table.row({done.area.path, format_bytes(static_cast<double>(done.drained.bytes)),
                 format_duration_ns(static_cast<double>(done.drained.took_ns)),
                 done.drained.bytes == 0 ? "" : format_bytes(rate) + "/s",
                 std::to_string(done.area.priority)});
    }
    context_.out.write(table.text(context_.out_is_terminal ? terminal_size(context_.out.fd()).columns : 200));
  }

  Context& context_;
  DrainOptions options_;
  bool dry_run_;
  MadePlan made_;
  std::vector<DoneArea> done_;
};

int run_drain(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  const auto options = drain_options_of(arguments);
  if (!options) return context.report(options.error());
  return DrainRun(context, *options, arguments.has("--dry-run")).run(arguments.positionals());
}

}  // namespace

CommandSpec swap_drain_command() {
  CommandSpec spec;
  spec.name = "swap drain";
  spec.area = "memory";
  spec.summary = "bring back what is swapped out, without harm";
  spec.usages = {"isotach swap drain [OPTIONS] [PATH...]"};
  spec.description =
      "Empties swap areas: each is switched off, which brings all of it back into memory, and on again with "
      "the priority that it had. It is what 'swapoff -a && swapon -a' is typed for, which forgets the areas "
      "that fstab does not name and their priorities, leaves some off when one fails, and can kill.\n\n"
      "First it plans: whether there is room in memory, less what shall stay available; whether there is "
      "room in each memory control group that would be charged, and in those above it, because the kernel "
      "does not look and its OOM killer would end a process there; and how long it takes, from a few pages "
      "that are brought back for it. Where harm would be done it refuses, and says what to type. --dry-run "
      "shows the plan.\n\n"
      "While it works it shows what is left, on a terminal. It stops when programs wait for memory, when "
      "memory becomes scarce, and on Ctrl-C. Whatever happens, also when it is killed, the areas are on "
      "afterwards. The discard policy is that of fstab, because the kernel does not tell the one in force.";
  spec.positionals = {{"PATH", "an area in use; without any, all", "file", true}};
  spec.options = drain_options();
  spec.options.push_back(dry_run_option());
  spec.options.push_back({"--json", 'J', "", "print one JSON document", "output"});
  spec.examples = {{"isotach swap drain --dry-run", "whether it is safe, and how long it takes"},
                   {"isotach swap drain", "all areas, one after the other"},
                   {"isotach swap drain /swapfile --reserve 2Gi", "one, as long as 2 GiB stay available"}};
  spec.run = run_drain;
  return spec;
}

}  // namespace isotach::command
