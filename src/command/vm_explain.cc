#include "command/vm_explain.h"

#include <algorithm>

#include "base/text.h"
#include "memory/vm/columns.h"
#include "view/export/json_writer.h"

namespace isotach::command {
namespace {

using memory::ExplainedColumn;

std::string where(memory::VmMode mode) {
  const std::string_view option = memory::vm_mode_option(mode);
  return option.empty() ? "isotach vm" : "isotach vm " + std::string(option);
}

std::string wrapped(std::string_view text, std::size_t columns) {
  constexpr std::string_view kIndent = "    ";
  std::string out;
  std::string line;
  for (const std::string_view word : split_blanks(text)) {
    if (!line.empty() && kIndent.size() + line.size() + 1 + word.size() > columns) {
      out += std::string(kIndent) + line + '\n';
      line.clear();
    }
    if (!line.empty()) line += ' ';
    line += word;
  }
  return out + std::string(kIndent) + line + '\n';
}

std::string as_text(const std::vector<ExplainedColumn>& columns, std::size_t width) {
  std::string text;
  const memory::VmMode* mode = nullptr;
  for (const ExplainedColumn& explained : columns) {
    if (mode == nullptr || *mode != explained.mode) {
      if (mode != nullptr) text += '\n';
      text += where(explained.mode) + ":\n";
      mode = &explained.mode;
    }
    text += "  " + std::string(explained.column->title) + "  (" + std::string(explained.column->name) + ")\n";
    text += wrapped(explained.column->help, width);
    text += wrapped("From " + std::string(explained.column->source) + ".", width);
  }
  return text;
}

std::string as_json(const std::vector<ExplainedColumn>& columns) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.vm.columns.v1");
  json.key("columns").begin_array();
  for (const ExplainedColumn& explained : columns) {
    json.begin_object();
    json.key("mode").string(memory::vm_mode_name(explained.mode));
    json.key("title").string(explained.column->title);
    json.key("name").string(explained.column->name);
    json.key("source").string(explained.column->source);
    json.key("help").string(explained.column->help);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.text() + '\n';
}

}  // namespace

int explain_vm_column(Context& context, const std::string& word, Format format) {
  const std::vector<ExplainedColumn> columns = memory::explained_columns(word);
  if (columns.empty()) {
    std::vector<std::string> names;
    for (const ExplainedColumn& explained : memory::explained_columns("all")) {
      names.emplace_back(explained.column->title);
      names.emplace_back(explained.column->name);
    }
    const auto nearest = nearest_word(word, names);
    return context.report(
        {ErrorKind::usage, 0, "there is no column '" + printable(word) + "'",
         nearest ? "did you mean " + *nearest + "?" : "isotach vm --explain all lists them"});
  }
  if (format == Format::json || format == Format::json_stream) {
    context.out.write(as_json(columns));
  } else {
    const int width = context.out_is_terminal ? std::min(terminal_size(context.out.fd()).columns, 100) : 100;
    context.out.write(as_text(columns, static_cast<std::size_t>(std::max(width, 20))));
  }
  return kExitOk;
}

}  // namespace isotach::command
