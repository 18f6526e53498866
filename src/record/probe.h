// A probe turns readings of one domain into points of a sample.
#pragma once

#include <vector>

#include "record/metric.h"
#include "record/sample.h"
#include "record/series.h"

namespace isotach::record {

class Probe {
 public:
  virtual ~Probe() = default;
  // Everything this probe can emit; needs no access to the system.
  [[nodiscard]] virtual std::vector<MetricDescriptor> metrics() const = 0;
  // Appends this moment's points to `sample`. What cannot be read becomes a missing value with its
  // reason, or no point at all where the thing itself (a device) is gone. Series are interned in the
  // table the probe was made with; in the steady state nothing is allocated.
  virtual void collect(Sample& sample) = 0;
};

}  // namespace isotach::record
