#include "command/inspect/summary_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "base/units.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using instrument::AccessCounts;
using instrument::kPageBytes;
using instrument::NamedUse;
using instrument::PageUse;
using instrument::TimeSlice;
using instrument::TraceProgram;
using instrument::TraceSummary;
using view::Align;

constexpr std::size_t kMostTimeRows = 16;

std::string bytes_text(std::uint64_t bytes) {
  return bytes == 0 ? std::string("-") : format_bytes(static_cast<double>(bytes));
}

std::string count_text(std::uint64_t count) {
  return count == 0 ? std::string("-") : grouped(count);
}

template <class T>
void cut(std::vector<T>& rows, std::size_t most) {
  if (rows.size() > most) rows.resize(most);
}

std::string routines_table(const TraceProgram& program, const TraceSummary& summary,
                           const InspectOptions& options, int columns) {
  std::vector<NamedUse> rows = summary.routines(program);
  const std::size_t all = rows.size();
  cut(rows, options.top);
  view::Table table({{"routine", Align::left, 0, 16},
                     {"image", Align::left, 3, 8},
                     {"instructions", Align::right},
                     {"reads", Align::right, 2},
                     {"read", Align::quantity, 1},
                     {"writes", Align::right, 2},
                     {"written", Align::quantity, 1}});
  for (const NamedUse& row : rows)
    table.row({row.name, row.image.empty() ? "?" : row.image, count_text(row.use.instructions),
               count_text(row.use.data.reads), bytes_text(row.use.data.read_bytes),
               count_text(row.use.data.writes), bytes_text(row.use.data.written_bytes)});
  std::string text = table.text(columns);
  if (all > rows.size()) text += fmt::format("... and {} more: --top {}\n", all - rows.size(), all);
  return text;
}

// The busiest of what has no image of its own: images by instructions, regions by pages.
std::string uses_table(std::vector<NamedUse> rows, const char* head, bool by_pages,
                       const InspectOptions& options, int columns) {
  cut(rows, options.top);
  view::Table table({{head, Align::left, 0, 16},
                     {by_pages ? "pages" : "instructions", Align::right},
                     {"reads", Align::right, 2},
                     {"read", Align::quantity, 1},
                     {"writes", Align::right, 2},
                     {"written", Align::quantity, 1}});
  for (const NamedUse& row : rows)
    table.row({row.name, by_pages ? grouped(row.pages) : count_text(row.use.instructions),
               count_text(row.use.data.reads), bytes_text(row.use.data.read_bytes),
               count_text(row.use.data.writes), bytes_text(row.use.data.written_bytes)});
  return table.text(columns);
}

std::string pages_table(const TraceProgram& program, const TraceSummary& summary,
                        const InspectOptions& options, int columns) {
  view::Table table({{"page", Align::left},
                     {"in", Align::left, 0, 12},
                     {"reads", Align::right, 1},
                     {"read", Align::quantity},
                     {"writes", Align::right, 1},
                     {"written", Align::quantity}});
  for (const PageUse& row : summary.busiest_pages(program, options.top))
    table.row({fmt::format("{:#x}", row.page * kPageBytes), row.region, count_text(row.counts.reads),
               bytes_text(row.counts.read_bytes), count_text(row.counts.writes),
               bytes_text(row.counts.written_bytes)});
  return table.text(columns);
}

// Neighbouring slices joined, so that a terminal shows them all.
std::string time_table(const TraceSummary& summary, int columns) {
  const auto& slices = summary.slices();
  const std::size_t step = (slices.size() + kMostTimeRows - 1) / kMostTimeRows;
  view::Table table({{"from", Align::quantity},
                     {"instructions", Align::right, 1},
                     {"read", Align::quantity},
                     {"written", Align::quantity},
                     {"pages in use", Align::right},
                     {"memory in use", Align::quantity, 2}});
  for (std::size_t i = 0; i < slices.size(); i += step) {
    TimeSlice joined;
    AccessCounts counts;
    for (std::size_t j = i; j < std::min(i + step, slices.size()); ++j) {
      joined.instructions += slices[j].instructions;
      for (const auto& [page, part] : slices[j].pages) {
        joined.pages[page].add(part);
        counts.add(part);
      }
    }
    table.row({format_duration_ns(static_cast<double>(summary.slice_ns()) * static_cast<double>(i)),
               count_text(joined.instructions), bytes_text(counts.read_bytes),
               bytes_text(counts.written_bytes), grouped(joined.pages.size()),
               format_bytes(static_cast<double>(joined.pages.size() * kPageBytes))});
  }
  return table.text(columns);
}

std::string nothing_ran(const TraceProgram& program) {
  std::string text = "\nNothing that was chosen ran.";
  constexpr std::size_t kMostNames = 40;
  for (std::size_t i = 1; i < std::min(program.images.size(), kMostNames); ++i)
    text += (i == 1 ? " Images of this program: " : ", ") +
            printable(program.image_name(static_cast<std::uint32_t>(i)));
  return text + "\n";
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    text.insert(at, ",");
  }
  return text;
}

std::string command_text(const TraceProgram& program) {
  std::string text;
  for (const std::string& word : program.head.command) text += (text.empty() ? "" : " ") + printable(word);
  return text.empty() ? std::string("a program") : text;
}

std::string inspect_text(const TraceProgram& program, const TraceSummary& summary,
                         const InspectOutcome& outcome, const InspectOptions& options, int columns) {
  const AccessCounts& total = summary.total();
  std::string text = fmt::format("{}: {} instructions, {} reads of {}, {} writes of {}\n",
                                 command_text(program), grouped(summary.instructions()), grouped(total.reads),
                                 format_bytes(static_cast<double>(total.read_bytes)), grouped(total.writes),
                                 format_bytes(static_cast<double>(total.written_bytes)));
  const auto fact = [&](std::string_view name, const std::string& value) {
    text += fmt::format("  {:<14}{}\n", name, value);
  };
  fact("touched", fmt::format("{} pages, {}", grouped(summary.pages_touched()),
                              format_bytes(static_cast<double>(summary.pages_touched() * kPageBytes))));
  if (outcome.wall_ns > 0) fact("took", format_duration_ns(static_cast<double>(outcome.wall_ns)));
  if (!outcome.end_text.empty()) fact("ended", outcome.end_text);
  if (program.head.sample_period > 1)
    fact("sampled",
         fmt::format("one burst in {}: figures are of what was recorded", program.head.sample_period));
  if (program.end.not_recorded > 0)
    fact("left out", grouped(program.end.not_recorded) + " accesses, by sampling or limits");
  if (summary.unreadable() > 0) fact("unreadable", grouped(summary.unreadable()) + " accesses");
  if (summary.not_followed() > 0)
    fact("not in tables", grouped(summary.not_followed()) + " accesses: too many pages");
  if (!outcome.damage.empty()) fact("incomplete", outcome.damage);
  if (summary.instructions() + total.accesses() == 0) return text + nothing_ran(program);
  text += '\n' + routines_table(program, summary, options, columns);
  text += '\n' + uses_table(summary.images(program), "code of", false, options, columns);
  if (total.accesses() == 0) return text;
  text += '\n' + uses_table(summary.regions(program), "data in", true, options, columns);
  text += '\n' + pages_table(program, summary, options, columns);
  text += '\n' + time_table(summary, columns);
  return text;
}

namespace {

void put_counts(view::JsonWriter& json, const AccessCounts& counts) {
  json.key("reads").unsigned_integer(counts.reads);
  json.key("read_bytes").unsigned_integer(counts.read_bytes);
  json.key("writes").unsigned_integer(counts.writes);
  json.key("written_bytes").unsigned_integer(counts.written_bytes);
}

void put_uses(view::JsonWriter& json, std::string_view key, std::vector<NamedUse> rows, std::size_t most,
              bool with_image, bool with_pages) {
  cut(rows, most);
  json.key(key).begin_array();
  for (const NamedUse& row : rows) {
    json.begin_object();
    json.key("name").string(row.name);
    if (with_image) json.key("image").string(row.image);
    if (with_pages)
      json.key("pages").unsigned_integer(row.pages);
    else
      json.key("instructions").unsigned_integer(row.use.instructions);
    put_counts(json, row.use.data);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string inspect_json(const TraceProgram& program, const TraceSummary& summary,
                         const InspectOutcome& outcome, const InspectOptions& options) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.inspect.v1");
  json.key("command").begin_array();
  for (const std::string& word : program.head.command) json.string(word);
  json.end_array();
  json.key("pid").unsigned_integer(program.head.pid);
  json.key("complete").boolean(outcome.damage.empty() && program.end.seen);
  if (program.end.seen)
    json.key("exit_code").integer(program.end.exit_code);
  else
    json.key("exit_code").null();
  if (outcome.signal != 0)
    json.key("signal").integer(outcome.signal);
  else
    json.key("signal").null();
  json.key("instructions").unsigned_integer(summary.instructions());
  put_counts(json, summary.total());
  json.key("unreadable").unsigned_integer(summary.unreadable());
  json.key("left_out").unsigned_integer(program.end.not_recorded);
  json.key("sample_period").unsigned_integer(program.head.sample_period);
  json.key("page_size_bytes").unsigned_integer(kPageBytes);
  json.key("pages").unsigned_integer(summary.pages_touched());
  put_uses(json, "routines", summary.routines(program), options.top, true, false);
  put_uses(json, "images", summary.images(program), options.top, false, false);
  put_uses(json, "regions", summary.regions(program), options.top, false, true);
  json.key("busiest_pages").begin_array();
  for (const PageUse& page : summary.busiest_pages(program, options.top)) {
    json.begin_object();
    json.key("address").unsigned_integer(page.page * kPageBytes);
    json.key("region").string(page.region);
    put_counts(json, page.counts);
    json.end_object();
  }
  json.end_array();
  json.key("slice_seconds").real(static_cast<double>(summary.slice_ns()) / 1e9);
  json.key("slices").begin_array();
  for (const TimeSlice& slice : summary.slices()) {
    AccessCounts counts;
    for (const auto& [page, part] : slice.pages) counts.add(part);
    json.begin_object();
    json.key("instructions").unsigned_integer(slice.instructions);
    json.key("pages").unsigned_integer(slice.pages.size());
    put_counts(json, counts);
    json.end_object();
  }
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

}  // namespace isotach::command
