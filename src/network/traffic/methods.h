// The ways to count, each by itself; TrafficSource::open() (source.h) chooses.
#pragma once

#include <memory>

#include "network/traffic/source.h"

namespace isotach::network {

[[nodiscard]] Result<std::unique_ptr<TrafficSource>> open_bpf_source(const TrafficOptions& options,
                                                                     Clock& clock);
[[nodiscard]] Result<std::unique_ptr<TrafficSource>> open_ring_source(const TrafficOptions& options,
                                                                      Clock& clock);
[[nodiscard]] Result<std::unique_ptr<TrafficSource>> open_counters_source(const TrafficOptions& options,
                                                                          Clock& clock);

// Whether the options want that interface; fails for names that no interface has.
[[nodiscard]] bool wants_interface(const TrafficOptions& options, const std::string& name);

}  // namespace isotach::network
