// Traffic as JSON, CSV and a text report. Numbers are in base units; what is not known is null or empty.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "command/common_options.h"
#include "command/traffic/lists.h"
#include "view/export/csv_writer.h"
#include "view/export/json_writer.h"

namespace isotach::command {

struct TrafficReport {
  std::vector<network::TrafficBy> bys;
  network::TrafficSort sort = network::TrafficSort::bytes_rate;
  std::size_t top = 0;       // rows of each list; 0: all
  bool whole_run = true;     // rates over the whole run instead of the last interval
  bool interrupted = false;  // a planned run was cut short
};

struct TrafficCommandOptions;
// What is asked for, or else suits the format.
[[nodiscard]] TrafficReport traffic_report_of(const TrafficCommandOptions& options, Format format);

// One document: isotach.traffic.v1.
void write_traffic_json(view::JsonWriter& json, const TrafficSession& session, const TrafficReport& report,
                        HostNames* names);
// Rows of one kind, under a head.
void write_traffic_csv_head(view::CsvWriter& csv, network::TrafficBy by);
void write_traffic_csv(view::CsvWriter& csv, const TrafficSession& session, const TrafficReport& report,
                       HostNames* names);
[[nodiscard]] std::string traffic_text(const TrafficSession& session, const TrafficReport& report,
                                       int columns, HostNames* names);

}  // namespace isotach::command
