// pin: the launcher of the engine. Linked statically, so that no environment of a program that it stands in
// for can reach it.
#include <cstring>
#include <string>
#include <vector>

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

int run(const std::vector<std::string>& words) {
  Options options;
  if (const std::string wrong = parse_options(words, options); !wrong.empty())
    return report({wrong + "; pin --help shows how it is used", kExitUsage});
  if (options.help) return print(kHelp);
  if (options.version) return print("pin (isotach) " ISOTACH_VERSION "\n");
  Kit kit;
  if (const Problem problem = find_kit(kit)) return report(problem);
  if (options.tool_argument) {
    if (const Problem problem = check_tool(options.tool)) return report(problem);
    options.arguments[options.tool_argument] = options.tool;
  }
  options.arguments.push_back("--");
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
