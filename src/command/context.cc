#include "command/context.h"

#include <fmt/format.h>
#include <sys/ioctl.h>

#include <cstdlib>

#include "base/text.h"
#include "view/export/json_writer.h"

namespace isotach::command {

int exit_code_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::usage:
      return kExitUsage;
    case ErrorKind::not_permitted:
      return kExitNotPermitted;
    case ErrorKind::not_supported:
      return kExitNotSupported;
    case ErrorKind::failed:
      break;
  }
  return kExitFailed;
}

namespace {

std::string prefix_of(const std::string& command_name) {
  return command_name.empty() ? "isotach" : "isotach " + command_name;
}

// What a person is told of `text`: nothing in it acts on the terminal, and a mistyped word of many
// kilobytes does not push the reason out of sight.
std::string shown(std::string_view text) {
  constexpr std::size_t kStartBytes = 600;
  constexpr std::size_t kEndBytes = 300;
  if (text.size() <= kStartBytes + kEndBytes) return printable(text);
  const auto is_inside_character = [text](std::size_t at) {
    return (static_cast<unsigned char>(text[at]) & 0xc0) == 0x80;
  };
  std::size_t start_end = kStartBytes;
  while (start_end > 0 && is_inside_character(start_end)) --start_end;
  std::size_t end_start = text.size() - kEndBytes;
  while (end_start < text.size() && is_inside_character(end_start)) ++end_start;
  return printable(text.substr(0, start_end)) + " ... " + printable(text.substr(end_start));
}

}  // namespace

int Context::report(const Error& error) {
  err.write(fmt::format("{}: {}\n", prefix_of(command_name), shown(error.message())));
  if (!error.remedy.empty())
    for (const std::string_view line : split(error.remedy, '\n'))
      err.write(fmt::format("  {}\n", shown(line)));
  if (error.kind == ErrorKind::usage) err.write(fmt::format("  see: {} --help\n", prefix_of(command_name)));
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
  err.write(fmt::format("{}: warning: {}\n", prefix_of(command_name), shown(text)));
  err.flush();
}

void Context::note(std::string_view text) {
  err.write(fmt::format("{}: {}\n", prefix_of(command_name), shown(text)));
  err.flush();
}

TerminalSize terminal_size(int fd) {
  TerminalSize size;
  winsize window{};
  // A serial console may say 0.
  if (::ioctl(fd, TIOCGWINSZ, &window) == 0) {
    if (window.ws_col > 0) size.columns = window.ws_col;
    if (window.ws_row > 0) size.rows = window.ws_row;
  }
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
