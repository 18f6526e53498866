#include "command/doctor/silence.h"

#include <fmt/format.h>

#include <cerrno>

#include "base/fd.h"
#include "base/text.h"
#include "doctor/catalogue.h"

namespace isotach::command {
namespace {

constexpr std::size_t kFileLimit = 1U << 20;

std::string_view id_of(std::string_view word) {
  return word.substr(0, word.find(':'));
}

Error unknown_finding(const std::string& word) {
  std::vector<std::string> known;
  for (const auto group :
       {doctor::machine_findings(), doctor::network_findings(), doctor::transfer_findings()})
    for (const auto& one : group) known.emplace_back(one.id);
  const auto nearest = nearest_word(word, known);
  return {ErrorKind::usage, 0, "there is no finding '" + printable(word) + "'",
          nearest ? "did you mean '" + *nearest + "'?" : "all of them: docs/findings/README.md"};
}

}  // namespace

std::vector<std::string> parse_silence_file(std::string_view text) {
  std::vector<std::string> ids;
  for (const std::string_view line : split(text, '\n')) {
    const std::string_view word = trim(line.substr(0, line.find('#')));
    if (!word.empty()) ids.emplace_back(word);
  }
  return ids;
}

std::vector<std::string> silenced_here() {
  const auto text = read_file(kSilenceFile, kFileLimit);
  return text ? parse_silence_file(*text) : std::vector<std::string>();
}

Result<std::vector<std::string>> silenced_by(Context& context, const Arguments& arguments) {
  std::vector<std::string> ids;
  for (const std::string& list : arguments.values("--silence")) {
    for (const std::string_view word : split(list, ',')) {
      if (doctor::find_description(id_of(word)) == nullptr)
        return tl::make_unexpected(unknown_finding(std::string(id_of(word))));
      ids.emplace_back(word);
    }
  }
  const auto path = arguments.value("--silence-file");
  const auto text = read_file(path.value_or(kSilenceFile), kFileLimit);
  if (!text) {
    if (path || text.error().errno_value != ENOENT) return tl::make_unexpected(text.error());
    return ids;
  }
  for (std::string& word : parse_silence_file(*text)) {
    if (doctor::find_description(id_of(word)) == nullptr)
      context.warn(fmt::format("{}: there is no finding '{}'", path.value_or(kSilenceFile), printable(word)));
    ids.push_back(std::move(word));
  }
  return ids;
}

}  // namespace isotach::command
