#include "command/context.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "base/text.h"
#include "view/export/json_writer.h"

namespace isotach::command {

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage: return kExitUsage;
    case ErrorKind::not_permitted: return kExitNotPermitted;
    case ErrorKind::not_supported: return kExitNotSupported;
    case ErrorKind::failed: break;
  }
  return kExitFailed;
}

namespace {

std::string prefix_of(const std::string& command_name) {
  return command_name.empty() ? "isotach" : "isotach " + command_name;
}

}  // namespace

int Context::report(const Error& error) {
  err.write(fmt::format("{}: {}\n", prefix_of(command_name), error.message()));
  if (!error.remedy.empty()) err.write(fmt::format("  {}\n", error.remedy));
  if (error.kind == ErrorKind::usage)
    err.write(fmt::format("  see: {} --help\n", prefix_of(command_name)));
  err.flush();
  const int code = exit_code_of(error.kind);
  if (json_errors) {
    view::JsonWriter json;
    json.begin_object();
    json.key("schema").string("isotach.error.v1");
    json.key("error").string(error.message());
    json.key("remedy").string(error.remedy);
    json.key("exit_code").integer(code);
    json.end_object();
    out.write(json.text() + "\n");
    out.flush();
  }
  return code;
}

void Context::warn(std::string_view text) {
  err.write(fmt::format("{}: warning: {}\n", prefix_of(command_name), text));
  err.flush();
}

void Context::note(std::string_view text) {
  err.write(fmt::format("{}: {}\n", prefix_of(command_name), text));
  err.flush();
}

TerminalSize terminal_size(int fd) {
  TerminalSize size;
  winsize window{};
  if (::ioctl(fd, TIOCGWINSZ, &window) == 0 && window.ws_col > 0 && window.ws_row > 0)
    size = {window.ws_col, window.ws_row};
  const auto environment = [](const char* name, int& target) {
    const char* text = std::getenv(name);
    if (text == nullptr) return;
    const auto number = parse_unsigned(text);
    if (number && *number > 0 && *number < 10000) target = static_cast<int>(*number);
  };
  environment("COLUMNS", size.columns);
  environment("LINES", size.rows);
  return size;
}

}  // namespace isotach::command
