#include "command/change_options.h"

#include <limits>

#include "base/text.h"
#include "base/units.h"
#include "command/vm_process_report.h"
#include "kernel/child.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

std::string how_long(const ChangeOptions& options) {
  if (!options.command.empty()) return "until " + options.command.front() + " ends";
  if (options.for_ns) return "for " + format_duration_ns(static_cast<double>(*options.for_ns));
  return "until Ctrl-C; --keep would let it stay";
}

// Until the command has ended or the user wants it to.
Result<void> run_command(Context& context, const std::vector<std::string>& words) {
  auto child = kernel::ChildProcess::start(words, context.waiter);
  if (!child) return tl::make_unexpected(std::move(child.error()));
  while (!child->has_ended() && !context.waiter.interrupted())
    static_cast<void>(context.waiter.wait_until(std::numeric_limits<std::int64_t>::max()));
  if (context.waiter.interrupted()) child->stop(context.waiter.signal_number());
  const kernel::ChildEnd end = child->wait();
  context.note(printable(words.front()) + " ended: " + end_text(end));
  return {};
}

void wait_for_end(Context& context, const ChangeOptions& options) {
  const std::int64_t deadline_ns = options.for_ns ? context.clock.now().monotonic_ns + *options.for_ns
                                                  : std::numeric_limits<std::int64_t>::max();
  while (!context.waiter.interrupted() && context.clock.now().monotonic_ns < deadline_ns)
    static_cast<void>(context.waiter.wait_until(deadline_ns));
}

}  // namespace

OptionSpec dry_run_option() {
  return {"--dry-run", 0, "", "show what would be changed, and change nothing", "changes"};
}

std::vector<OptionSpec> change_options() {
  return {
      dry_run_option(),
      {"--keep", 0, "", "let the change stay; without it all is put back when the command ends", "changes"},
      {"--for", 0, "TIME", "put all back after this time, such as 30s or 10m", "changes"}};
}

Result<ChangeOptions> change_options_of(const Arguments& arguments) {
  ChangeOptions options;
  options.dry_run = arguments.has("--dry-run");
  options.keep = arguments.has("--keep");
  options.command = arguments.command();
  if (const auto text = arguments.value("--for")) {
    auto time_ns = parse_duration_ns(*text);
    if (!time_ns) return tl::make_unexpected(std::move(time_ns.error()));
    options.for_ns = *time_ns;
  }
  if (options.keep && (options.for_ns || !options.command.empty()))
    return failure(ErrorKind::usage,
                   "--keep lets the change stay for ever: it goes neither with --for nor "
                   "with a command");
  if (options.for_ns && !options.command.empty())
    return failure(ErrorKind::usage, "the change lasts as long as the command runs: leave --for out");
  return options;
}

int show_plan(Context& context, const kernel::Transaction& transaction) {
  if (context.json_errors) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.plan.v1");
    json.key("command").string(context.command_name);
    const auto list = [&](const char* key, const std::vector<std::string>& lines) {
      json.key(key).begin_array();
      for (const std::string& line : lines) json.string(line);
      json.end_array();
    };
    list("changes", transaction.done());
    list("put_back", transaction.to_put_back());
    json.end_object();
    context.out.write(json.text() + "\n");
    return kExitOk;
  }
  if (transaction.done().empty()) {
    context.out.write("nothing would be changed\n");
    return kExitOk;
  }
  for (const std::string& line : transaction.done()) context.out.write("would " + printable(line) + "\n");
  return kExitOk;
}

int finish_changes(Context& context, kernel::Transaction& transaction, const ChangeOptions& options) {
  if (options.dry_run) return show_plan(context, transaction);
  if (transaction.done().empty()) context.note("nothing had to be changed");
  if (options.keep) {
    const auto kept = transaction.keep();
    return kept ? kExitOk : context.report(kept.error());
  }
  context.out.flush();
  int code = kExitOk;
  if (!context.waiter.interrupted()) {
    context.note("in force " + how_long(options));
    if (options.command.empty()) {
      wait_for_end(context, options);
    } else if (auto ran = run_command(context, options.command); !ran) {
      code = context.report(ran.error());
    }
  }
  if (auto back = transaction.put_back(); !back) return context.report(back.error());
  if (!transaction.done().empty()) context.note("put back as it was");
  return code;
}

}  // namespace isotach::command
