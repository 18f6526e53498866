// Rules over what only isotach doctor asks for: queueing disciplines, DNS servers, settings of TCP. Pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "doctor/finding.h"
#include "kernel/qdiscs.h"
#include "network/names/name_servers.h"

namespace isotach::doctor {

struct HostEvidence {
  std::vector<kernel::QdiscReading> qdiscs_before, qdiscs_now;
  std::map<unsigned, std::string> interfaces;  // names by number
  double elapsed_s = 0;
  std::vector<network::NameServerAnswer> name_servers;
  // Nothing where it cannot be read.
  std::optional<std::uint64_t> window_scaling;
  std::optional<std::uint64_t> receive_buffer_most, send_buffer_most;  // tcp_rmem[2], tcp_wmem[2], bytes
};

void check_queues(const HostEvidence& evidence, Diagnosis& diagnosis);
void check_names(const HostEvidence& evidence, Diagnosis& diagnosis);
void check_settings(const HostEvidence& evidence, Diagnosis& diagnosis);

}  // namespace isotach::doctor
