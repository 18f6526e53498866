// What the live view of isotach traffic shows. Lists hold the rows of one page and no more: whoever makes the
// model ranks and cuts, so that 60,000 flows cost no more to draw than ten. Names come from outside and may
// hold anything; numbers that are not there are nothing, never 0.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "view/overview/model.h"
#include "view/table/table.h"

namespace isotach::view {

// One thing that is counted, over all and now. Received ("in") and sent ("out") as this machine sees it.
struct TrafficAmounts {
  std::uint64_t in_bytes = 0, out_bytes = 0;
  std::uint64_t in_packets = 0, out_packets = 0;
  // Over the last interval.
  Number in_bits_s, out_bits_s, in_packets_s, out_packets_s;
  // Of both directions together: the busiest interval, and since it was first seen.
  Number peak_bits_s, mean_bits_s;
};

struct TrafficRow {
  std::string id;                  // what the selection stays with
  std::vector<std::string> cells;  // in the order of TrafficList::columns
  TrafficAmounts amounts;
  bool warns = false;  // retransmissions, drops: what deserves a look
};

struct TrafficList {
  std::string title;  // "flows"
  std::vector<TableColumn> columns;
  std::vector<TrafficRow> rows;  // those on the screen, ranked
  std::size_t first = 0;         // place of rows[0] among all that match
  std::size_t matching = 0;
  std::size_t known = 0;
  std::string none;          // what to say when there are no rows
  bool rate_columns = true;  // false: packets and bytes matter more than rates, such as for sizes
};

// A fact of one flow, host, ...: what Enter shows.
struct TrafficFact {
  std::string name, text;
  bool warns = false;
};
struct TrafficDetails {
  std::string title;
  std::vector<TrafficFact> facts;
  TrafficAmounts amounts;
  Past in_past, out_past;  // bits/s since it was opened
  bool is_gone = false;    // no longer counted: the last that was known
};

struct TrafficModel {
  Instant time;
  double running_s = 0;
  double interval_s = 0;    // the last one, as measured
  std::string scope;        // "all interfaces", "eth0"
  std::string filter;       // the expression; empty for none
  std::string source;       // "eBPF": what counts
  std::string source_note;  // what this source cannot tell; empty when nothing is missing
  TrafficAmounts total;
  Past in_past, out_past;  // bits/s
  // What was seen and belongs to no flow; dropped by the source, or put together under "other".
  std::optional<std::uint64_t> unaccounted_packets;
  std::optional<std::uint64_t> other_packets;
  Number own_cpu_share;
  std::uint64_t missed = 0;
  std::vector<TrafficList> lists;  // of the page; of the overview: several, the most telling first
  std::optional<TrafficDetails> details;
};

}  // namespace isotach::view
