// What `swap advise` shows and writes.
#include <fmt/format.h>

#include <algorithm>

#include "base/units.h"
#include "command/swap/advise.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"
#include "view/table/table.h"

namespace isotach::command {
namespace {

using view::Align;

// Below it, the work of compressing is not worth the memory.
constexpr double kPoorRatio = 1.3;
constexpr double kPercent = 100;

double gained_bytes(const Advice& advice, double pool_bytes) {
  return advice.cold_bytes - pool_bytes;
}

std::string percent(double part) {
  return fmt::format("{:.1f} %", part * kPercent);
}

// The algorithm to name first: of those that take nearly the least memory, the quickest.
const AdviseRow* best_row(const Advice& advice) {
  const AdviseRow* best = nullptr;
  for (const AdviseRow& row : advice.rows) {
    if (best == nullptr) {
      best = &row;
      continue;
    }
    const bool nearly = row.pool.pool_bytes < 1.1 * advice.rows.front().pool.pool_bytes;
    if (nearly && row.compress_ns < best->compress_ns) best = &row;
  }
  return best;
}

std::string verdict(const Advice& advice, const AdviseRow& best) {
  const double gained = gained_bytes(advice, best.pool.pool_bytes);
  const double ratio = compression_ratio(advice, best.pool.pool_bytes);
  if (ratio < kPoorRatio)
    return fmt::format("Compressed swap is not worth it here: {} of memory would take {} with {}.",
                       format_bytes(advice.cold_bytes), format_bytes(best.pool.pool_bytes), best.name);
  return fmt::format("{} of memory would take {} in compressed swap with {} ({:.2f} times less): {} gained.",
                     format_bytes(advice.cold_bytes), format_bytes(best.pool.pool_bytes), best.name, ratio,
                     format_bytes(gained));
}

std::string rows_table(const Advice& advice, int columns) {
  view::Table table({{"algorithm", Align::left},
                     {"ratio", Align::right},
                     {"95 % interval", Align::right, 3},
                     {"takes", Align::quantity},
                     {"gains", Align::quantity, 1},
                     {"a page", Align::quantity, 2},
                     {"offered by", Align::left, 4}});
  for (const AdviseRow& row : advice.rows) {
    std::string offered = row.in_zram ? (row.chosen_in_zram ? "zram (chosen)" : "zram") : "";
    if (row.in_zswap) offered += offered.empty() ? "zswap" : ", zswap";
    table.row({row.exact_model ? row.name : row.name + " *",
               fmt::format("{:.2f}", compression_ratio(advice, row.pool.pool_bytes)),
               fmt::format("{:.2f} to {:.2f}", compression_ratio(advice, row.pool.high_bytes),
                           compression_ratio(advice, row.pool.low_bytes)),
               format_bytes(row.pool.pool_bytes), format_bytes(gained_bytes(advice, row.pool.pool_bytes)),
               format_duration_ns(row.compress_ns), offered});
  }
  return table.text(columns);
}

std::string with_zram(const Advice& advice, const AdviseRow& best) {
  // Room for twice what is there, a multiple of 64 MiB; a device takes memory only for what is in it.
  constexpr double kStep = 64.0 * 1024 * 1024;
  const double wanted = advice.cold_given ? advice.cold_bytes : 2 * advice.cold_bytes;
  const auto mib = static_cast<std::uint64_t>(std::max(1.0, wanted / kStep + 0.999)) * 64;
  return fmt::format(
      "A zram device for it, as root:\n"
      "  modprobe zram; zramctl --find --algorithm {} --size {}MiB      prints the name of the device\n"
      "  mkswap /dev/zramN && swapon --priority 100 /dev/zramN\n",
      best.name, mib);
}

std::string with_zswap(const Advice& advice, const AdviseRow& best) {
  std::string text = "Or zswap, in front of a swap area on disk, as root:\n";
  text += fmt::format("  echo {} >/sys/module/zswap/parameters/compressor\n", best.name);
  text += "  echo 1 >/sys/module/zswap/parameters/enabled\n";
  if (advice.zswap.max_pool_percent.is_missing() || advice.total_memory_bytes.is_missing()) return text;
  const double pool =
      advice.total_memory_bytes.as_real() * advice.zswap.max_pool_percent.as_real() / kPercent;
  text += fmt::format("Its pool may take {} % of RAM ({}), which holds about {} of such memory.\n",
                      advice.zswap.max_pool_percent.as_unsigned(), format_bytes(pool),
                      format_bytes(pool * compression_ratio(advice, best.pool.pool_bytes)));
  return text;
}

}  // namespace

double compression_ratio(const Advice& advice, double pool_bytes) {
  return advice.cold_bytes / std::max(pool_bytes, 1.0);
}

std::string advise_text(const Advice& advice, int columns) {
  const AdviseRow* const best = best_row(advice);
  if (advice.pages == 0 || best == nullptr)
    return "There is no anonymous memory here that could be swapped.\n";
  std::string text = verdict(advice, *best) + "\n\n";
  text += fmt::format("  looked at       {} of {} {}; {} pages were compressed, {} of CPU\n",
                      format_bytes(static_cast<double>(advice.pages * advice.page_bytes)), advice.processes,
                      advice.processes == 1 ? "process" : "processes", advice.sample_pages,
                      format_duration_ns(static_cast<double>(advice.cpu_ns)));
  if (advice.swapped_pages > 0)
    text += fmt::format("  left out        {} in swap already\n",
                        format_bytes(static_cast<double>(advice.swapped_pages * advice.page_bytes)));
  text +=
      fmt::format("  one word each   {} of the pages, which take nothing\n", percent(best->pool.same_filled));
  text += fmt::format("  incompressible  {} of the pages, which are stored whole\n\n",
                      percent(best->pool.incompressible));
  text += rows_table(advice, columns);
  if (std::any_of(advice.rows.begin(), advice.rows.end(),
                  [](const AdviseRow& row) { return !row.exact_model; }))
    text += "* measured as lzo; lzo-rle takes a little less where there are runs of zeros\n";
  for (const std::string& name : advice.not_modelled) text += name + " is offered too, but not measured\n";
  if (compression_ratio(advice, best->pool.pool_bytes) < kPoorRatio) return text;
  text += '\n';
  if (advice.has_zram_module || advice.zram.empty()) text += with_zram(advice, *best);
  if (advice.zswap.supported && !advice.zswap.enabled) text += with_zswap(advice, *best);
  if (advice.zswap.enabled) text += "zswap is on already, with " + advice.zswap.compressor + ".\n";
  return text;
}

std::string advise_json(const Advice& advice) {
  view::JsonWriter json;
  json.begin_object();
  json.key("schema").string("isotach.swap.advise.v1");
  json.key("page_size_bytes").unsigned_integer(advice.page_bytes);
  json.key("processes").unsigned_integer(advice.processes);
  json.key("not_permitted").unsigned_integer(advice.not_permitted);
  json.key("anonymous_bytes").unsigned_integer(advice.pages * advice.page_bytes);
  json.key("swapped_bytes").unsigned_integer(advice.swapped_pages * advice.page_bytes);
  json.key("cold_bytes").real(advice.cold_bytes);
  json.key("sample_pages").unsigned_integer(advice.sample_pages);
  json.key("wall_seconds").real(static_cast<double>(advice.wall_ns) / 1e9);
  json.key("cpu_seconds").real(static_cast<double>(advice.cpu_ns) / 1e9);
  json.key("algorithms").begin_array();
  for (const AdviseRow& row : advice.rows) {
    json.begin_object();
    json.key("name").string(row.name);
    json.key("exact_model").boolean(row.exact_model);
    json.key("offered_by_zram").boolean(row.in_zram);
    json.key("chosen_in_zswap").boolean(row.in_zswap);
    json.key("data_bytes").real(row.pool.data_bytes);
    json.key("pool_bytes").real(row.pool.pool_bytes);
    json.key("pool_low_bytes").real(row.pool.low_bytes);
    json.key("pool_high_bytes").real(row.pool.high_bytes);
    json.key("ratio").real(compression_ratio(advice, row.pool.pool_bytes));
    json.key("gained_bytes").real(gained_bytes(advice, row.pool.pool_bytes));
    json.key("same_filled_ratio").real(row.pool.same_filled);
    json.key("incompressible_ratio").real(row.pool.incompressible);
    json.key("compress_seconds").real(row.compress_ns / 1e9);
    json.end_object();
  }
  json.end_array();
  json.key("not_modelled").begin_array();
  for (const std::string& name : advice.not_modelled) json.string(name);
  json.end_array();
  json.end_object();
  return json.take() + '\n';
}

std::string advise_csv(const Advice& advice) {
  view::CsvWriter csv;
  csv.head({"algorithm", "data_bytes", "pool_bytes", "pool_low_bytes", "pool_high_bytes", "ratio",
            "same_filled_ratio", "incompressible_ratio", "compress_seconds"});
  for (const AdviseRow& row : advice.rows)
    csv.text(row.name)
        .real(row.pool.data_bytes)
        .real(row.pool.pool_bytes)
        .real(row.pool.low_bytes)
        .real(row.pool.high_bytes)
        .real(compression_ratio(advice, row.pool.pool_bytes))
        .real(row.pool.same_filled)
        .real(row.pool.incompressible)
        .real(row.compress_ns / 1e9)
        .end_row();
  return csv.take();
}

}  // namespace isotach::command
