#include "command/become_pin.h"

#include <unistd.h>

#include <cerrno>

#include "command/kit.h"

namespace isotach::command {
bool is_for_pin(const std::vector<std::string>& words) {
  if (words.empty() || words.front() != "pin") return false;
  for (const std::string& word : words) {
    if (word == "--" || word == "-t" || word == "--tool" || word == "--pid" || word == "-pid") return true;
    if (word == "--help" || word == "-h" || word == "--version" || word == "-V") return false;
  }
  return false;
}

Error become_pin(const std::vector<std::string>& words) {
  auto kit = find_kit();
  if (!kit) return std::move(kit.error());
  std::string program = *kit + "/pin";
  std::vector<std::string> copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  ::execv(program.c_str(), arguments.data());
  return system_failure(errno, "start " + program).value();
}

}  // namespace isotach::command
