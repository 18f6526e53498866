// isotach link check: is every interface at its proper rate?
#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/link/commands.h"
#include "command/link/names.h"
#include "doctor/link_rules.h"
#include "network/link/change_words.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using doctor::Diagnosis;
using doctor::Finding;
using doctor::Severity;

struct CheckOptions {
  std::optional<std::uint32_t> expected_mbit_s;
  std::optional<std::int64_t> interval_ns;
  std::string only;
  bool json = false;
};

Result<CheckOptions> options_of(const Arguments& arguments) {
  CheckOptions options;
  options.json = arguments.has("--json");
  if (const auto text = arguments.value("--expect")) {
    auto speed = network::parse_link_speed(*text);
    if (!speed) return tl::make_unexpected(std::move(speed.error()));
    options.expected_mbit_s = *speed;
  }
  if (const auto text = arguments.value("--interval")) {
    auto interval_ns = parse_interval_ns(*text, "interval");
    if (!interval_ns) return tl::make_unexpected(std::move(interval_ns.error()));
    options.interval_ns = *interval_ns;
  }
  if (!arguments.positionals().empty()) options.only = arguments.positionals().front();
  return options;
}

std::size_t problems_in(const Diagnosis& diagnosis) {
  return static_cast<std::size_t>(
      std::count_if(diagnosis.findings.begin(), diagnosis.findings.end(),
                    [](const Finding& finding) { return finding.severity >= Severity::warning; }));
}

void write_json(Context& context, const Diagnosis& diagnosis, std::size_t interfaces,
                std::int64_t elapsed_ns) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.link-check.v1");
  json.key("interfaces").unsigned_integer(interfaces);
  json.key("elapsed_ns").integer(elapsed_ns);
  json.key("problems").unsigned_integer(problems_in(diagnosis));
  json.key("findings").begin_array();
  for (const Finding& finding : diagnosis.findings) {
    json.begin_object();
    json.key("id").string(finding.id);
    json.key("severity").string(doctor::severity_name(finding.severity));
    json.key("interface").string(finding.subject);
    json.key("title").string(finding.title);
    json.key("evidence").string(finding.evidence);
    json.key("remedy").string(finding.remedy);
    json.end_object();
  }
  json.end_array();
  json.key("not_judged").begin_array();
  for (const std::string& line : diagnosis.not_checked) json.string(line);
  json.end_array();
  json.end_object();
  context.out.write(json.take() + '\n');
}

std::string counted(std::size_t number, const char* one, const char* many) {
  return fmt::format("{} {}", number, number == 1 ? one : many);
}

void write_text(Context& context, const Diagnosis& diagnosis, std::size_t interfaces) {
  for (const Finding& finding : diagnosis.findings) {
    context.out.write(
        fmt::format("{}: {}\n", doctor::severity_name(finding.severity), printable(finding.title)));
    context.out.write(fmt::format("  {}\n  {}\n", printable(finding.evidence), printable(finding.remedy)));
  }
  for (const std::string& line : diagnosis.not_checked)
    context.out.write(fmt::format("not judged: {}\n", printable(line)));
  context.out.write(fmt::format("{}, {}\n", counted(interfaces, "interface", "interfaces"),
                                counted(problems_in(diagnosis), "problem", "problems")));
}

int check(Context& context, const CheckOptions& options) {
  auto probe = network::LinkProbe::open(context.clock);
  if (!probe) return context.report(probe.error());
  const network::SnapshotOptions what = {options.interval_ns.has_value(), true};
  auto now = probe->read(what);
  if (!now) return context.report(now.error());
  if (!options.only.empty())
    if (auto known = check_interface_name(*now, options.only); !known) return context.report(known.error());
  std::optional<network::LinkSnapshot> before;
  if (options.interval_ns) {
    const std::int64_t deadline_ns = now->time.monotonic_ns + *options.interval_ns;
    while (!context.waiter.interrupted() && context.clock.now().monotonic_ns < deadline_ns)
      static_cast<void>(context.waiter.wait_until(deadline_ns));
    before = std::move(*now);
    now = probe->read(what);
    if (!now) return context.report(now.error());
  }
  const Diagnosis diagnosis =
      doctor::check_links({before ? &*before : nullptr, *now, options.expected_mbit_s, options.only});
  const auto interfaces = static_cast<std::size_t>(
      std::count_if(now->links.begin(), now->links.end(), [&](const network::Link& link) {
        return !link.route.loopback && (options.only.empty() || link.route.name == options.only);
      }));
  if (options.json) {
    write_json(context, diagnosis, interfaces,
               before ? now->time.monotonic_ns - before->time.monotonic_ns : 0);
  } else {
    write_text(context, diagnosis, interfaces);
  }
  return problems_in(diagnosis) > 0 ? kExitFailed : kExitOk;
}

int run(Context& context, const Arguments& arguments) {
  const auto options = options_of(arguments);
  return options ? check(context, *options) : context.report(options.error());
}

}  // namespace

CommandSpec link_check_command() {
  CommandSpec spec;
  spec.name = "link check";
  spec.area = "network";
  spec.summary = "say whether every interface runs as it should, and what mends it";
  spec.usages = {"isotach link check [OPTIONS] [INTERFACE]"};
  spec.description =
      "Looks at every interface, or at INTERFACE, and says what is wrong with its speed, duplex, "
      "autonegotiation and MTU, each with the evidence and what to type to mend it: half duplex and from "
      "which "
      "end it comes, a speed below what both ends offer, modes that are not advertised, autonegotiation that "
      "is off at one end only, an MTU that differs from that of the other end, the bridge, the bond or the "
      "parent, members of a bond of different speeds.\n\n"
      "With -i it reads the counters a second time after that time, and finds errors and drops that grow, "
      "and "
      "what a duplex mismatch looks like: late collisions, or damaged frames that are too short.\n\n"
      "What a driver does not tell is not judged, and said. The exit code is 1 when there is a problem; a "
      "finding of severity 'info' is none.";
  spec.positionals = {{"INTERFACE", "judge this one alone", "interface"}};
  OptionSpec interval = interval_option();
  interval.help = "read the counters again after this time, and judge what grew";
  spec.options = {interval,
                  {"--expect", 0, "SPEED", "find what runs below this, such as 1G or 100M", "what to find"},
                  format_options().front()};
  spec.examples = {{"isotach link check", "judge every interface at once"},
                   {"isotach link check --expect 1G", "and find what is slower than 1 Gbit/s"},
                   {"isotach link check -i 5", "and find errors and drops that grow"}};
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
