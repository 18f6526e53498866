#include "network/mesh/mesh_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <span>

#include "base/text.h"
#include "base/units.h"

namespace isotach::mesh {
namespace {

constexpr std::size_t kLongestName = 63;
// A slot in which no test could end.
constexpr std::int64_t kShortestSlotNs = 2'000'000'000;
constexpr std::int64_t kLongestNs = 7ll * 24 * 3600 * 1'000'000'000;
constexpr std::int64_t kUsualSlotNs = 60'000'000'000;

struct AllowedOption {
  std::string_view name;
  bool takes_value;
};

// What may follow a test: how is measured. Where to and as what is the mesh's own affair.
constexpr AllowedOption kNettestOptions[] = {
    {"-t", true},         {"--time", true},       {"-P", true},     {"--parallel", true},
    {"-u", false},        {"--udp", false},       {"-b", true},     {"--bitrate", true},
    {"-l", true},         {"--length", true},     {"-w", true},     {"--window", true},
    {"-M", true},         {"--set-mss", true},    {"-N", false},    {"--no-delay", false},
    {"-C", true},         {"--congestion", true}, {"-S", true},     {"--tos", true},
    {"--dscp", true},     {"-O", true},           {"--omit", true}, {"-R", false},
    {"--reverse", false},
};
constexpr AllowedOption kPathOptions[] = {
    {"--no-available", false}, {"--no-transfer", false}, {"-t", true},
    {"--for", true},           {"--echoes", true},       {"-C", true},
    {"--congestion", true},
};

std::span<const AllowedOption> options_of(TestKind kind) {
  if (kind == TestKind::nettest) return kNettestOptions;
  return kPathOptions;
}

class Parser {
 public:
  [[nodiscard]] Result<MeshFile> parse(std::string_view text) {
    for (const std::string_view line : split(text, '\n')) {
      ++number_;
      const auto words = split_blanks(line.substr(0, line.find('#')));
      if (words.empty()) continue;
      if (auto taken = take(words); !taken) return tl::make_unexpected(std::move(taken.error()));
    }
    return whole();
  }

 private:
  using Words = std::vector<std::string_view>;

  [[nodiscard]] tl::unexpected<Error> wrong(const std::string& what, std::string remedy = {}) const {
    return failure(ErrorKind::usage, fmt::format("line {}: {}", number_, what), std::move(remedy));
  }

  [[nodiscard]] Result<void> take(const Words& words) {
    const std::string_view word = words.front();
    if (word == "host") return take_host(words);
    if (word == "test") return take_test(words);
    if (word == "slot") return take_time(words, file_.slot_ns);
    if (word == "every") return take_time(words, file_.every_ns);
    if (word == "port") return take_port(words, file_.port);
    if (word == "lease-port") return take_port(words, file_.lease_port);
    const std::vector<std::string> known = {"host", "test", "slot", "every", "port", "lease-port"};
    const auto near = nearest_word(word, known);
    return wrong(
        fmt::format("'{}' is no word of a mesh file", printable(word)),
        near ? fmt::format("was '{}' meant?", *near) : "they are: host, test, slot, every, port, lease-port");
  }

  [[nodiscard]] Result<void> take_host(const Words& words) {
    if (words.size() != 3) return wrong("a host has a name and an address", "host berlin 192.0.2.1");
    const std::string_view name = words[1];
    const auto fits = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
             c == '-' || c == '_';
    };
    if (name.size() > kLongestName || !std::all_of(name.begin(), name.end(), fits))
      return wrong(fmt::format("'{}' cannot be the name of a host", printable(name)),
                   "at most 63 letters, digits, '.', '-' and '_'");
    for (const Host& other : file_.hosts)
      if (other.name == name || other.address == words[2])
        return wrong(fmt::format("host {} has the name or the address of {}", name, other.name));
    if (file_.hosts.size() == MeshFile::kMostHosts)
      return wrong(fmt::format("more than {} hosts", MeshFile::kMostHosts), "make several meshes of them");
    file_.hosts.push_back({std::string(name), std::string(words[2])});
    return {};
  }

  [[nodiscard]] Result<void> take_test(const Words& words) {
    Test test;
    const std::string_view name = words.size() > 1 ? words[1] : std::string_view();
    if (name == test_name(TestKind::path))
      test.kind = TestKind::path;
    else if (name != test_name(TestKind::nettest))
      return wrong("a test is nettest or path, with options", "test nettest -t 5");
    if (file_.tests.size() == MeshFile::kMostTests)
      return wrong(fmt::format("more than {} tests", MeshFile::kMostTests));
    for (std::size_t i = 2; i < words.size(); ++i) {
      const auto allowed = options_of(test.kind);
      const auto found = std::find_if(allowed.begin(), allowed.end(),
                                      [&](const AllowedOption& option) { return option.name == words[i]; });
      if (found == allowed.end())
        return wrong(fmt::format("{} takes no option '{}' in a mesh", name, printable(words[i])),
                     "an option and its value are two words: -t 5");
      test.options.emplace_back(words[i]);
      if (!found->takes_value) continue;
      if (++i == words.size()) return wrong(fmt::format("{} needs a value", found->name));
      test.options.emplace_back(words[i]);
    }
    file_.tests.push_back(std::move(test));
    return {};
  }

  [[nodiscard]] Result<void> take_time(const Words& words, std::int64_t& time_ns) {
    if (words.size() != 2) return wrong(fmt::format("{} is followed by a time", words[0]), "45s, 10m, 1h");
    const auto parsed = parse_duration_ns(words[1]);
    if (!parsed) return wrong(parsed.error().message());
    if (*parsed < kShortestSlotNs || *parsed > kLongestNs)
      return wrong(fmt::format("{} is a time from 2 s to 7 days", words[0]));
    time_ns = *parsed;
    return {};
  }

  [[nodiscard]] Result<void> take_port(const Words& words, std::uint16_t& port) {
    const auto number = words.size() == 2 ? parse_unsigned(words[1]) : std::nullopt;
    if (!number || *number == 0 || *number > 65535)
      return wrong(fmt::format("{} is followed by a number from 1 to 65535", words[0]));
    port = static_cast<std::uint16_t>(*number);
    return {};
  }

  [[nodiscard]] Result<MeshFile> whole() {
    const auto lacks = [](const std::string& what, std::string remedy) {
      return failure(ErrorKind::usage, what, std::move(remedy));
    };
    if (file_.hosts.size() < 2)
      return lacks("a mesh has at least two hosts", "host NAME ADDRESS, a line each");
    if (file_.tests.empty()) return lacks("the mesh has no test", "test nettest -t 5");
    if (file_.port == file_.lease_port)
      return lacks("port and lease-port are the same", "give one of them another number");
    if (file_.slot_ns == 0) file_.slot_ns = kUsualSlotNs;
    const std::int64_t least_ns = static_cast<std::int64_t>(file_.rounds()) * file_.slot_ns;
    if (file_.every_ns == 0) file_.every_ns = least_ns;
    if (file_.every_ns < least_ns)
      return lacks(fmt::format("{} hosts need {} slots of {}: more than 'every' gives", file_.hosts.size(),
                               file_.rounds(), format_duration_ns(static_cast<double>(file_.slot_ns))),
                   fmt::format("every {}s, or a shorter slot", (least_ns + 999'999'999) / 1'000'000'000));
    return std::move(file_);
  }

  MeshFile file_;
  std::size_t number_ = 0;
};

}  // namespace

std::string_view test_name(TestKind kind) {
  return kind == TestKind::nettest ? "nettest" : "path";
}

std::size_t MeshFile::rounds() const {
  const std::size_t even = hosts.size() + hosts.size() % 2;
  return 2 * (even - 1);
}

Result<MeshFile> parse_mesh_file(std::string_view text) {
  return Parser().parse(text);
}

}  // namespace isotach::mesh
