// isotach mesh check and isotach mesh run.
#include <fmt/format.h>

#include <optional>
#include <string>

#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/mesh/commands.h"
#include "command/mesh/mesh_result.h"
#include "command/mesh/mesh_runner.h"
#include "kernel/privileges.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

Result<MeshMember> member_of(const Arguments& arguments) {
  if (arguments.positionals().size() != 1)
    return failure(ErrorKind::usage, "give the file of the mesh", "isotach help mesh shows what is in it");
  return read_mesh(arguments.positionals().front(), arguments.value("--as"));
}

std::string schedule_text(const MeshMember& member) {
  const mesh::MeshFile& file = member.file;
  std::string text =
      fmt::format("{} hosts, {} test{} a pair; {} slots of {}, again every {}\nthis host is {}\n\n",
                  file.hosts.size(), file.tests.size(), file.tests.size() == 1 ? "" : "s", file.rounds(),
                  format_duration_ns(static_cast<double>(file.slot_ns)),
                  format_duration_ns(static_cast<double>(file.every_ns)), file.hosts[member.self].name);
  for (std::size_t round = 0; round < file.rounds(); ++round) {
    const double offset_ns = static_cast<double>(round) * static_cast<double>(file.slot_ns);
    text += fmt::format("{:>12}", "+" + (round == 0 ? std::string("0 s") : format_duration_ns(offset_ns)));
    for (const mesh::Pair& pair : mesh::pairs_of_round(file.hosts.size(), round))
      text += fmt::format("  {} to {}{}", file.hosts[pair.from].name, file.hosts[pair.to].name,
                          pair.from == member.self ? " *" : "");
    text += '\n';
  }
  return text + "\n* tests that this host begins\n";
}

std::string schedule_json(const MeshMember& member) {
  const mesh::MeshFile& file = member.file;
  const auto seconds = [](std::int64_t time_ns) { return static_cast<double>(time_ns) / 1e9; };
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.mesh-schedule.v1");
  json.key("host").string(file.hosts[member.self].name);
  json.key("slot_seconds").real(seconds(file.slot_ns));
  json.key("every_seconds").real(seconds(file.every_ns));
  json.key("slots").begin_array();
  for (std::size_t round = 0; round < file.rounds(); ++round) {
    json.begin_object().key("offset_seconds").real(seconds(file.slot_ns) * static_cast<double>(round));
    json.key("pairs").begin_array();
    for (const mesh::Pair& pair : mesh::pairs_of_round(file.hosts.size(), round)) {
      json.begin_object();
      json.key("from").string(file.hosts[pair.from].name).key("to").string(file.hosts[pair.to].name);
      json.end_object();
    }
    json.end_array();
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + "\n";
}

int check(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json");
  const auto member = member_of(arguments);
  if (!member) return context.report(member.error());
  context.out.write(arguments.has("--json") ? schedule_json(*member) : schedule_text(*member));
  return kExitOk;
}

int run(Context& context, const Arguments& arguments) {
  const bool json = context.json_errors = arguments.has("--json-stream");
  auto member = member_of(arguments);
  if (!member) return context.report(member.error());
  const auto cycles = count_of(arguments, "--cycles", "number of cycles");
  if (!cycles) return context.report(cycles.error());
  const std::string name = member->file.hosts[member->self].name;
  if (auto dropped = kernel::drop_privileges(kernel::capabilities_to_test()); !dropped)
    return context.report(dropped.error());
  bool any_failed = false;
  auto runner = MeshRunner::start(context, std::move(*member), [&](const MeshOutcome& outcome) {
    any_failed |= outcome.kind != MeshOutcome::Kind::done;
    context.out.write(json ? mesh_json(outcome) : mesh_line(outcome));
    context.out.flush();
  });
  if (!runner) return context.report(runner.error());
  context.note(fmt::format("{} serves tests and begins its own when their turn comes", name));
  if (auto ran = (*runner)->run(*cycles); !ran) return context.report(ran.error());
  return *cycles && any_failed ? kExitFailed : kExitOk;
}

OptionSpec as_option() {
  return {"--as", 0, "NAME", "which host of the file this machine is: the one with its address unless given",
          "the mesh"};
}

PositionalSpec file_argument() {
  return {"FILE", "the file of the mesh, the same on all hosts", "file"};
}

constexpr const char* kFileDescription =
    "The file has a line for each host and each test:\n\n"
    "  host berlin 192.0.2.1\n"
    "  host paris paris.example\n"
    "  host oslo 2001:db8::7\n"
    "  test nettest -t 5\n"
    "  test path --no-transfer --for 5\n"
    "  slot 40s\n"
    "  every 1h\n\n"
    "slot is the longest time that all tests of a pair take (60s); every says how often each pair is tested "
    "in "
    "each direction (as often as the slots allow). port is where the tests are served (5201), lease-port "
    "where "
    "hosts ask each other whether they are free (5202).";

CommandSpec check_command() {
  CommandSpec spec;
  spec.name = "mesh check";
  spec.area = "network";
  spec.summary = "read the file of a mesh and show who tests whom when";
  spec.usages = {"isotach mesh check FILE [--as NAME]"};
  spec.description =
      std::string("Reads the file and prints the schedule, which all hosts compute alike.\n\n") +
      kFileDescription;
  spec.positionals = {file_argument()};
  spec.options = {as_option(), {"--json", 'J', "", "print a JSON document", "output"}};
  spec.examples = {
      {"isotach mesh check mesh.conf", "the slots, with those that this host begins marked"},
      {"isotach mesh check mesh.conf --as paris --json", "the same for scripts, seen from another host"}};
  spec.run = check;
  return spec;
}

CommandSpec run_command() {
  CommandSpec spec;
  spec.name = "mesh run";
  spec.area = "network";
  spec.summary = "be a host of a mesh: serve tests, and begin those whose turn it is";
  spec.usages = {"isotach mesh run FILE [--as NAME]"};
  spec.description =
      "Runs the tests of this host when their slots come, and prints a line for each. isotach agent --mesh "
      "FILE "
      "does the same and serves the results as metrics.\n\n"
      "Slots follow the clock of the day. A test begins only when both hosts have given their lease for it: "
      "where clocks differ, a turn is left out and counted as busy rather than two tests disturbing each "
      "other.\n\n"
      "Whoever reaches the two ports can make this host send and receive as fast as it can; leases are given "
      "to "
      "the addresses of the file only. Open them for the hosts of the mesh alone.";
  spec.positionals = {file_argument()};
  spec.options = {
      as_option(),
      {"--cycles", 0, "N", "end after N times the time of 'every'; exit 1 when a test failed", "timing"},
      {"--json-stream", 0, "", "one JSON object for each test", "output"},
  };
  spec.examples = {
      {"isotach mesh run mesh.conf", "until Ctrl-C"},
      {"isotach mesh run mesh.conf --as paris --cycles 1 --json-stream", "each pair once, for scripts"},
  };
  spec.run = run;
  return spec;
}

CommandSpec mesh_command() {
  CommandSpec spec;
  spec.name = "mesh";
  spec.area = "network";
  spec.summary = "tests between all pairs of some hosts, planned by one file";
  spec.usages = {"isotach mesh FILE", "isotach mesh check FILE", "isotach mesh run FILE"};
  spec.description = std::string(
                         "Hosts that have the same file test each other with nettest and path, each pair in "
                         "each direction, never two tests at once on one host.\n\n") +
                     kFileDescription;
  spec.positionals = {file_argument()};
  spec.options = {as_option(), {"--json", 'J', "", "print a JSON document", "output"}};
  spec.examples = {{"isotach mesh mesh.conf", "who tests whom when; isotach mesh run takes part"},
                   {"isotach mesh mesh.conf --as paris", "seen from another host"}};
  spec.run = check;
  return spec;
}

}  // namespace

std::vector<CommandSpec> mesh_commands() {
  return {mesh_command(), check_command(), run_command()};
}

}  // namespace isotach::command
