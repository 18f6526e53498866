#include "command/inspect/records_page.h"

#include "base/text.h"
#include "base/units.h"
#include "command/inspect/summary_view.h"
#include "instrument/trace_file.h"
#include "instrument/trace_parser.h"

namespace isotach::command {
namespace {

using instrument::TraceParser;
using instrument::TraceReader;
using instrument::TraceSummary;

// Together some 200 MB of memory and ten seconds.
constexpr std::uint64_t kMostBytes = std::uint64_t{1} << 30;  // unpacked
constexpr std::size_t kMostEntries = std::size_t{1} << 20;    // of the summary's tables
constexpr std::size_t kMostInstructions = std::size_t{1} << 20;

class NoEvents final : public instrument::TraceSink {
 public:
  void executed(const instrument::TraceProgram&, std::uint32_t, std::uint32_t, std::uint32_t,
                std::int64_t) override {}
  void access(const instrument::TraceProgram&, const instrument::TraceAccess&) override {}
};

}  // namespace

std::optional<std::string> records_title(const std::string& path) {
  const auto reader = TraceReader::open(path);
  if (!reader) return std::nullopt;
  NoEvents sink;
  TraceParser parser(sink);
  std::string piece;
  // The head may come in more than one piece, but not in many.
  for (int i = 0; i < 4 && !parser.has_head(); ++i) {
    const auto more = (*reader)->next(piece);
    if (!more || !*more || !parser.feed(piece)) break;
  }
  if (!parser.has_head()) return std::nullopt;
  return command_text(parser.program());
}

Result<std::string> records_page(const std::string& path) {
  const auto reader = TraceReader::open(path);
  if (!reader) return tl::make_unexpected(reader.error());
  TraceSummary summary;
  TraceParser parser(summary);
  InspectOutcome outcome;
  std::string piece;
  while (outcome.damage.empty()) {
    const auto more = (*reader)->next(piece);
    if (!more) {
      outcome.damage = more.error().message();
    } else if (!*more) {
      if (const auto whole = parser.finish(); !whole)
        outcome.damage = whole.error().message();
      else if (!parser.program().end.seen)
        outcome.damage = "the program was killed: its last accesses are missing";
      break;
    } else if (const auto fed = parser.feed(piece); !fed) {
      outcome.damage = fed.error().message();
    } else if (parser.bytes() > kMostBytes || summary.entries() > kMostEntries ||
               parser.program().instructions.size() > kMostInstructions) {
      outcome.damage = "these are the first " + format_bytes(static_cast<double>(parser.bytes())) +
                       " of the records; isotach inspect --read FILE --report PAGE.html reads all of them";
    }
  }
  if (!parser.has_head())
    return failure(ErrorKind::failed, printable(path) + " holds no records of isotach inspect");
  return inspect_report(parser.program(), summary, outcome, InspectOptions());
}

}  // namespace isotach::command
