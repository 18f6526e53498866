// The connections of a capture as text, JSON and CSV.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/output.h"
#include "base/result.h"
#include "command/connections/capture_run.h"
#include "network/connections/host_names.h"
#include "network/connections/limit_observer.h"
#include "network/connections/tracker.h"

namespace isotach::command {

// Which connections are shown, by index, in the order in which they are shown.
using Shown = std::vector<std::size_t>;

// What the table says of a connection, a cell for each column from "#" to "name".
[[nodiscard]] std::vector<std::string> connection_cells(const network::Connection& connection,
                                                        std::size_t index, const std::string& name);
void write_connections_table(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                             const Shown& shown, const network::HostNames& names, int columns);
// Every statistic of each connection, both directions side by side.
void write_connections_details(Output& out, const network::Tracker& tracker, const Shown& shown,
                               const network::HostNames& names, int columns);
// What limited each, with its evidence.
void write_connections_why(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                           const Shown& shown, const network::LimitObserver& limits, int columns);
// `limits` may be nullptr: then nothing is said of them.
void write_connections_json(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                            const Shown& shown, const network::HostNames& names,
                            const network::LimitObserver* limits);
void write_connections_json_stream(Output& out, const network::Tracker& tracker, const Shown& shown,
                                   const network::HostNames& names, const network::LimitObserver* limits);
// Rows are made by so many threads.
void write_connections_csv(Output& out, const network::Tracker& tracker, const Shown& shown,
                           const network::HostNames& names, const network::LimitObserver* limits,
                           std::size_t threads);
// A new SQLite file with the table "connections": the columns of --csv.
[[nodiscard]] Result<void> write_connections_sqlite(const std::string& path, const network::Tracker& tracker,
                                                    const Shown& shown, const network::HostNames& names,
                                                    const network::LimitObserver* limits);
// Two flow records for each connection, one for each direction that was seen, to `where` (IpfixOutput); how
// many.
[[nodiscard]] Result<std::uint64_t> write_connections_ipfix(Context& context, const std::string& where,
                                                            const network::Tracker& tracker,
                                                            const Shown& shown);
// How many connections there are, and how they ended.
void write_totals(Output& out, const network::Tracker& tracker, const CaptureRun& run, const Shown& shown);
void write_connections_tcptrace(Output& out, const network::Tracker& tracker, const CaptureRun& run,
                                const Shown& shown);

}  // namespace isotach::command
