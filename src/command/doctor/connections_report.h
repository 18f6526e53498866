// From what was watched of connections to a report.
#pragma once

#include <vector>

#include "command/doctor/link_context.h"
#include "command/doctor/report.h"
#include "network/connections/transfer_watch.h"

namespace isotach::command {

[[nodiscard]] DoctorConnection judge_connection(const network::TransferTrace& trace,
                                                const LinkContext& links);
// Of a host's connections, the largest first: what is wrong with those that are not small, a few at most.
[[nodiscard]] std::vector<doctor::Finding> findings_that_matter(
    const std::vector<DoctorConnection>& connections);
// Connections that moved something, the largest first, each with its verdict and, where something is wrong,
// its finding.
void add_connections(const std::vector<network::TransferTrace>& traces, const LinkContext& links,
                     DoctorReport& report);
// Makes the answer, evidence and remedies those of the largest connection.
void answer_by_connection(DoctorReport& report);
// What the processes did where no connection tells: waits for names, and what they do instead.
void add_processes(const std::vector<network::ProcessTrace>& processes, DoctorReport& report);

}  // namespace isotach::command
