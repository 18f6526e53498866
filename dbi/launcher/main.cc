// pin: the launcher of the engine. Linked statically, so that no environment of a program that it stands in
// for can reach it.
#include <signal.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "launcher/attach.h"
#include "launcher/detach.h"
#include "launcher/follow.h"
#include "launcher/kit.h"
#include "launcher/options.h"
#include "launcher/start.h"

namespace isotach::dbi {
namespace {

int report(const Problem& problem) {
  tell(problem.text);
  return problem.exit_code;
}

int print(const std::string& text) {
  return fwrite(text.data(), 1, text.size(), stdout) == text.size() && fflush(stdout) == 0 ? 0 : kExitFailed;
}

// --detach-process PID ADDRESS: started by the engine in that process, for a tool that asks for it.
int detach_for_tool(const std::vector<std::string>& words) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  const Problem problem =
      detach(atoi(words[1].c_str()), strtoull(words[2].c_str(), nullptr, 16), Options().detach_within_ns);
  return problem ? report(problem) : 0;
}

int run(const std::vector<std::string>& words) {
  if (words.size() == 3 && words[0] == "--detach-process") return detach_for_tool(words);
  Options options;
  if (const std::string wrong = parse_options(words, options); !wrong.empty())
    return report({wrong + "; pin --help shows how it is used", kExitUsage});
  if (options.help) return print(kHelp);
  if (options.version) return print("pin (isotach) " ISOTACH_VERSION "\n");
  Kit kit;
  if (const Problem problem = find_kit(kit)) return report(problem);
  if (options.tool_argument) {
    if (const Problem problem = check_tool(options.tool, kit.folder)) return report(problem);
    options.arguments[options.tool_argument] = options.tool;
  }
  options.arguments.push_back("--");
  if (options.process) return attach(kit, options);
  std::string path;
  if (const Problem problem = find_command(options.command[0], path)) return report(problem);
  return start_command(kit, options.arguments, path, options.command);
}

}  // namespace
}  // namespace isotach::dbi

int main(int argc, char** argv) {
  if (argc > 0 && isotach::dbi::is_follow(argv)) return isotach::dbi::follow(argv);
  return isotach::dbi::run(std::vector<std::string>(argv + (argc > 0), argv + argc));
}
