#include "command/lab/lab_file.h"

#include <fmt/format.h>
#include <regex.h>

#include <optional>

#include "base/text.h"

namespace isotach::command {
namespace {

// A compiled POSIX expression: <regex> costs seconds of compile time.
class Pattern {
 public:
  explicit Pattern(const std::string& text)
      : good_(::regcomp(&compiled_, text.c_str(), REG_EXTENDED | REG_NEWLINE) == 0) {}
  Pattern(const Pattern&) = delete;
  Pattern& operator=(const Pattern&) = delete;
  ~Pattern() {
    if (good_) ::regfree(&compiled_);
  }

  [[nodiscard]] bool good() const { return good_; }
  // The first group of the first match, or all of it where there is no group.
  [[nodiscard]] std::optional<std::string> find(const std::string& text) const {
    regmatch_t found[2] = {};
    if (!good_ || ::regexec(&compiled_, text.c_str(), 2, found, 0) != 0) return std::nullopt;
    const regmatch_t& part = found[1].rm_so >= 0 ? found[1] : found[0];
    return text.substr(static_cast<std::size_t>(part.rm_so),
                       static_cast<std::size_t>(part.rm_eo - part.rm_so));
  }

 private:
  regex_t compiled_ = {};
  bool good_;
};

struct Line {
  std::size_t number = 0;
  std::string word;
  std::string value;
};

// The lines of a file with those that go on with them. Shell text keeps its line ends.
std::vector<Line> lines_of(std::string_view text) {
  std::vector<Line> lines;
  std::size_t number = 0;
  for (std::string_view line : split(text, '\n')) {
    ++number;
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == ' ' || line.front() == '\t') {
      if (lines.empty() || trim(line).empty()) continue;
      const std::string& word = lines.back().word;
      const bool shell = word == "run" || word == "setup" || word == "background" || word == "cleanup";
      lines.back().value += (shell ? '\n' : ' ') + std::string(trim(line));
      continue;
    }
    const std::size_t end = std::min(line.find_first_of(" \t"), line.size());
    lines.push_back({number, std::string(line.substr(0, end)), std::string(trim(line.substr(end)))});
  }
  return lines;
}

std::pair<std::string, std::string> first_word(const std::string& value) {
  const std::size_t end = std::min(value.find(' '), value.size());
  return {value.substr(0, end), std::string(trim(std::string_view(value).substr(end)))};
}

bool take_number(LabStep& step, const std::string& value) {
  const auto [low, rest] = first_word(value);
  const auto [high, pattern] = first_word(rest);
  const auto least = parse_real(low);
  const auto most = parse_real(high);
  if (!least || !most || pattern.empty()) return false;
  step.numbers.push_back({*least, *most, pattern});
  return true;
}

bool take_of_step(LabStep& step, const Line& line) {
  if (line.word == "setup") {
    step.setup = line.value;
  } else if (line.word == "background") {
    step.background = line.value;
  } else if (line.word == "await") {
    step.await = line.value;
  } else if (line.word == "run") {
    step.run = line.value;
  } else if (line.word == "exit") {
    const auto code = parse_unsigned(line.value);
    if (!code || *code > 255) return false;
    step.exit_code = static_cast<int>(*code);
  } else if (line.word == "expect") {
    step.expected.push_back(line.value);
  } else if (line.word == "number") {
    return take_number(step, line.value);
  } else if (line.word == "picture") {
    auto [file, caption] = first_word(line.value);
    step.pictures.push_back({std::move(file), std::move(caption)});
  } else if (line.word == "look") {
    step.look.push_back(line.value);
  } else if (line.word == "means") {
    step.means.push_back(line.value);
  } else if (line.word == "try") {
    step.next.push_back(line.value);
  } else {
    return false;
  }
  return true;
}

bool take_of_lab(Lab& lab, const Line& line) {
  if (line.word == "title") {
    lab.title = line.value;
  } else if (line.word == "task") {
    lab.task = line.value;
  } else if (line.word == "needs") {
    lab.needs.push_back(line.value);
  } else if (line.word == "cleanup") {
    lab.cleanup = line.value;
  } else if (line.word == "bed" && (line.value == "host" || line.value == "network")) {
    lab.bed = line.value == "host" ? LabBed::host : LabBed::network;
  } else {
    return false;
  }
  return true;
}

}  // namespace

Result<Lab> parse_lab(std::string_view name, std::string_view text) {
  Lab lab;
  lab.name = name;
  for (const Line& line : lines_of(text)) {
    if (line.word == "step") {
      lab.steps.emplace_back().title = line.value;
      continue;
    }
    if (lab.steps.empty() ? take_of_lab(lab, line) : take_of_step(lab.steps.back(), line)) continue;
    return failure(ErrorKind::failed, fmt::format("lab {}, line {}: '{} {}' is not understood", name,
                                                  line.number, printable(line.word), printable(line.value)));
  }
  if (lab.title.empty() || lab.steps.empty())
    return failure(ErrorKind::failed, fmt::format("lab {}: a title and steps are needed", name));
  for (const LabStep& step : lab.steps)
    if (step.run.empty())
      return failure(ErrorKind::failed, fmt::format("lab {}, step '{}': nothing to run", name, step.title));
  return lab;
}

bool has_match(std::string_view text, const std::string& pattern) {
  return Pattern(pattern).find(std::string(text)).has_value();
}

std::vector<std::string> misses_of(const LabStep& step, int exit_code, std::string_view output) {
  std::vector<std::string> misses;
  if (exit_code != step.exit_code)
    misses.push_back(fmt::format("the exit code is {} instead of {}", exit_code, step.exit_code));
  const std::string text(output);
  const auto found_in_output = [&](const std::string& pattern) {
    const Pattern compiled(pattern);
    auto found = compiled.find(text);
    if (!compiled.good()) misses.push_back(fmt::format("'{}' is no regular expression", pattern));
    if (compiled.good() && !found) misses.push_back(fmt::format("the output has no '{}'", pattern));
    return found;
  };
  for (const std::string& pattern : step.expected) static_cast<void>(found_in_output(pattern));
  for (const LabNumber& number : step.numbers) {
    const auto found = found_in_output(number.pattern);
    if (!found) continue;
    const auto value = parse_real(*found);
    if (!value || *value < number.low || *value > number.high)
      misses.push_back(fmt::format("'{}' is {}, expected {} to {}", number.pattern, printable(*found),
                                   number.low, number.high));
  }
  return misses;
}

}  // namespace isotach::command
