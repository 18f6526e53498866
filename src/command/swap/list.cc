// isotach swap: the areas in use, and what is truly swapped out.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "base/text.h"
#include "base/units.h"
#include "command/common_options.h"
#include "command/context.h"
#include "command/swap/commands.h"
#include "command/swap/state.h"
#include "kernel/attribute.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

// What compresses behind an area, or before all of them.
struct Zram {
  std::string algorithm;
  std::uint64_t original_bytes = 0, compressed_bytes = 0, memory_bytes = 0;
};
struct Zswap {
  bool known = false;
  bool enabled = false;
  std::string compressor;
  Value pool_bytes, stored_bytes;
};

std::optional<Zram> read_zram(const kernel::SystemRoot& root, const std::string& path) {
  if (!memory::is_zram(path)) return std::nullopt;
  const std::string folder = root.path("sys/block/" + path.substr(path.rfind('/') + 1));
  const auto sizes = kernel::read_attribute(folder + "/mm_stat");
  if (!sizes) return std::nullopt;
  const auto words = split_blanks(*sizes);
  if (words.size() < 3) return std::nullopt;
  Zram zram;
  zram.algorithm = kernel::read_attribute(folder + "/comp_algorithm").value_or("");
  zram.original_bytes = parse_unsigned(words[0]).value_or(0);
  zram.compressed_bytes = parse_unsigned(words[1]).value_or(0);
  zram.memory_bytes = parse_unsigned(words[2]).value_or(0);
  return zram;
}

Value kib_to_bytes(const Value& kib) {
  return kib.is_missing() ? kib : Value::of(kib.as_unsigned() * 1024);
}

Zswap read_zswap(const kernel::SystemRoot& root, const kernel::MemoryReading& memory) {
  Zswap zswap;
  const std::string folder = root.path("sys/module/zswap/parameters");
  const auto enabled = kernel::read_attribute(folder + "/enabled");
  zswap.known = enabled.has_value();
  zswap.enabled = enabled && *enabled == "Y";
  zswap.compressor = kernel::read_attribute(folder + "/compressor").value_or("");
  zswap.pool_bytes = kib_to_bytes(memory[kernel::MemoryField::zswap]);
  zswap.stored_bytes = kib_to_bytes(memory[kernel::MemoryField::zswapped]);
  return zswap;
}

std::string bytes_text(const Value& value) {
  return value.is_missing() ? "-" : format_bytes(value.as_real());
}

std::string out_text(const memory::SwapAreaRow& row) {
  if (row.least_out_bytes == row.most_out_bytes) return bytes_text(row.least_out_bytes);
  return bytes_text(row.least_out_bytes) + " or more";
}

std::string type_of(const kernel::SwapDevice& area) {
  return memory::is_zram(area.path) ? "zram" : area.type;
}

void print_table(Context& context, const kernel::SystemRoot& root, const SwapState& state) {
  const memory::SwapAreas& areas = state.areas;
  const Zswap zswap = read_zswap(root, state.memory);
  if (areas.rows.empty()) {
    context.out.write(
        fmt::format("No swap: nothing can be swapped out.\n"
                    "To make a swap file and switch it on: {}\n",
                    kHowToMakeSwap));
    return;
  }
  view::Table table({{"area", view::Align::left, 0, 12},
                     {"type", view::Align::left, 3},
                     {"size", view::Align::quantity, 2},
                     {"used", view::Align::quantity},
                     {"truly out", view::Align::quantity, 1},
                     {"priority", view::Align::right}});
  for (const memory::SwapAreaRow& row : areas.rows)
    table.row({row.area.path, type_of(row.area), format_bytes(static_cast<double>(row.area.size_kib) * 1024),
               format_bytes(static_cast<double>(row.area.used_kib) * 1024), out_text(row),
               std::to_string(row.area.priority)});
  if (areas.rows.size() > 1)
    table.row({"all", "", format_bytes(static_cast<double>(areas.size_bytes)),
               format_bytes(static_cast<double>(areas.used_bytes)), bytes_text(areas.out_bytes), ""});
  context.out.write(table.text(context.out_is_terminal ? terminal_size(context.out.fd()).columns : 200));
  if (!areas.cached_bytes.is_missing() && areas.cached_bytes.as_unsigned() > 0)
    context.out.write(
        fmt::format("\n{} of what is used came back and is in memory as well (the swap cache): its place is "
                    "kept, so that it need not be written again.\n",
                    bytes_text(areas.cached_bytes)));
  for (const memory::SwapAreaRow& row : areas.rows)
    if (const auto zram = read_zram(root, row.area.path); zram && zram->original_bytes > 0)
      context.out.write(fmt::format("{} compresses by {}: {} take {} of memory ({:.2f} times smaller).\n",
                                    printable(row.area.path), printable(zram->algorithm),
                                    format_bytes(static_cast<double>(zram->original_bytes)),
                                    format_bytes(static_cast<double>(zram->memory_bytes)),
                                    static_cast<double>(zram->original_bytes) /
                                        static_cast<double>(std::max<std::uint64_t>(zram->memory_bytes, 1))));
  if (zswap.enabled)
    context.out.write(fmt::format(
        "zswap compresses by {} before anything is written: {} take {} of memory.\n",
        printable(zswap.compressor), bytes_text(zswap.stored_bytes), bytes_text(zswap.pool_bytes)));
}

void print_csv(Context& context, const SwapState& state) {
  view::CsvWriter csv;
  csv.head(
      {"path", "type", "size_bytes", "used_bytes", "swapped_least_bytes", "swapped_most_bytes", "priority"});
  for (const memory::SwapAreaRow& row : state.areas.rows)
    csv.text(row.area.path)
        .text(type_of(row.area))
        .unsigned_integer(row.area.size_kib * 1024)
        .unsigned_integer(row.area.used_kib * 1024)
        .value(row.least_out_bytes)
        .value(row.most_out_bytes)
        .integer(row.area.priority)
        .end_row();
  context.out.write(csv.take());
}

void write_area(view::JsonWriter& json, const kernel::SystemRoot& root, const memory::SwapAreaRow& row) {
  json.begin_object();
  json.key("path").string(row.area.path);
  json.key("type").string(type_of(row.area));
  json.key("size_bytes").unsigned_integer(row.area.size_kib * 1024);
  json.key("used_bytes").unsigned_integer(row.area.used_kib * 1024);
  json.key("swapped_least_bytes").value(row.least_out_bytes);
  json.key("swapped_most_bytes").value(row.most_out_bytes);
  json.key("priority").integer(row.area.priority);
  if (const auto zram = read_zram(root, row.area.path)) {
    json.key("zram").begin_object();
    json.key("algorithm").string(zram->algorithm);
    json.key("original_bytes").unsigned_integer(zram->original_bytes);
    json.key("compressed_bytes").unsigned_integer(zram->compressed_bytes);
    json.key("memory_bytes").unsigned_integer(zram->memory_bytes);
    json.end_object();
  }
  json.end_object();
}

void print_json(Context& context, const kernel::SystemRoot& root, const SwapState& state) {
  const Zswap zswap = read_zswap(root, state.memory);
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.swap.v1");
  json.key("areas").begin_array();
  for (const memory::SwapAreaRow& row : state.areas.rows) write_area(json, root, row);
  json.end_array();
  json.key("size_bytes").unsigned_integer(state.areas.size_bytes);
  json.key("used_bytes").unsigned_integer(state.areas.used_bytes);
  json.key("cached_bytes").value(state.areas.cached_bytes);
  json.key("swapped_bytes").value(state.areas.out_bytes);
  json.key("zswap");
  if (zswap.known) {
    json.begin_object();
    json.key("enabled").boolean(zswap.enabled);
    json.key("compressor").string(zswap.compressor);
    json.key("pool_bytes").value(zswap.pool_bytes);
    json.key("stored_bytes").value(zswap.stored_bytes);
    json.end_object();
  } else {
    json.null();
  }
  json.end_object();
  context.out.write(json.text() + '\n');
}

int run_list(Context& context, const Arguments& arguments) {
  context.json_errors = arguments.has("--json") || arguments.has("--json-stream");
  const auto format = format_of(arguments);
  if (!format) return context.report(format.error());
  const auto proc_root = proc_root_of(arguments);
  if (!proc_root) return context.report(proc_root.error());
  const kernel::SystemRoot root = proc_root->empty() ? kernel::SystemRoot() : kernel::SystemRoot(*proc_root);
  const auto state = read_swap_state(root);
  if (!state) return context.report(state.error());
  if (*format == Format::csv) print_csv(context, *state);
  if (*format == Format::json || *format == Format::json_stream) print_json(context, root, *state);
  if (*format == Format::table) print_table(context, root, *state);
  return kExitOk;
}

}  // namespace

CommandSpec swap_list_command() {
  CommandSpec spec;
  spec.name = "swap";
  spec.area = "memory";
  spec.summary = "swap areas: what they hold, who uses them, making and draining them";
  spec.usages = {"isotach swap [OPTIONS]"};
  spec.description =
      "Shows each swap area with its size, what of it is used, what is truly swapped out, and its priority, "
      "in the order in which they are filled.\n\n"
      "Used is not swapped out: a page that comes back and is not changed keeps its place, so that it need "
      "not be written again, and is in memory all the same. The kernel counts these pages (SwapCached) for "
      "all areas together. So what is truly out is exact in all, and for each area as long as only one is in "
      "use; otherwise the least that it must be is shown.";
  spec.options = format_options();
  spec.options.push_back(proc_root_option());
  spec.examples = {{"isotach swap", "the areas in use"},
                   {"isotach swap --json | jq .swapped_bytes", "what is truly swapped out"}};
  spec.run = run_list;
  return spec;
}

}  // namespace isotach::command
