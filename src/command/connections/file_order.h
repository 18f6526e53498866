// In what order several captures are read: as pieces of one, by the time of their first frames, however the
// shell or tcpdump's ring of files (trace.pcap10 before trace.pcap2) named them.
#pragma once

#include <string>
#include <vector>

namespace isotach::command {

// True when they were not in that order. Nothing is changed where one is no plain file, cannot be read or has
// no frames.
bool order_by_first_frame(std::vector<std::string>& paths);

}  // namespace isotach::command
