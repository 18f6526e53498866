// What a followed program writes into our pipe, and the judgement of whatever marks and facts come of it.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/text.h"
#include "memory/experiment/phases.h"
#include "memory/experiment/verdict.h"

namespace {

using namespace isotach;

memory::MemoryRun some_run() {
  memory::MemoryRun run;
  for (int i = 0; i < 64; ++i) {
    memory::MemorySample sample;
    sample.time_ns = std::int64_t{i} * 10'000'000;
    sample.resident_bytes = i * 4e6;
    sample.minor_faults = i * 1000.0;
    run.samples.push_back(sample);
  }
  return run;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  memory::MemoryRun run = some_run();
  for (const std::string_view line : split(text, '\n')) {
    const memory::ProgramLine parsed = memory::parse_program_line(line);
    CHECK(!(parsed.mark && parsed.facts));
    if (parsed.mark) {
      CHECK(!parsed.mark->text.empty() && parsed.mark->text.size() <= memory::kMarkLimit);
      run.marks.push_back(*parsed.mark);
    }
    if (parsed.facts) {
      CHECK(parsed.facts->pid > 0);
      run.facts.push_back(*parsed.facts);
    }
    if (run.marks.size() + run.facts.size() > 200) break;
  }
  for (const memory::Phase& phase : memory::phases_of(run)) CHECK(phase.from_ns <= phase.to_ns);
  const memory::MemoryVerdict judged = memory::judge(run);
  CHECK(!judged.summary.empty());
  return 0;
}
