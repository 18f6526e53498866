// Runs what a client asks for: one test; one beside which latency is measured; one until its mean is known;
// or as many as it takes to be sure of the result.
#pragma once

#include "command/context.h"
#include "command/nettest/options.h"
#include "record/recorder.h"

namespace isotach::command {

// Returns the exit code. `info` goes into a recording.
[[nodiscard]] int run_campaign(Context& context, const NettestOptions& options,
                               const record::RecordingInfo& info);

}  // namespace isotach::command
