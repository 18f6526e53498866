// Does the steps of a lab and notes what came of them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/wait.h"
#include "command/lab/lab_file.h"

namespace isotach::command {

struct StepResult {
  std::string output;               // what the command printed; past a bound the middle is left out
  std::vector<std::string> misses;  // why it is not as expected; empty when it is
  std::int64_t duration_ns = 0;
};

// What the programs of a lab are given besides our own environment. `isotach` in a lab is this program.
struct LabSurroundings {
  std::string folder;  // the report's: where they run, and leave their pictures
  std::string kit;     // of the instrumentation engine; may be empty
};
void set_surroundings(const LabSurroundings& surroundings);

// Stops what still runs in the background when it goes.
class LabRunner {
 public:
  LabRunner(const LabSurroundings& surroundings, SignalWaiter& waiter, Clock& clock);
  ~LabRunner();
  LabRunner(const LabRunner&) = delete;
  LabRunner& operator=(const LabRunner&) = delete;

  // The next step. Programs that take longer than two minutes are stopped, which is a miss; so is an
  // interruption.
  [[nodiscard]] StepResult run(const LabStep& step);
  // To its end, also after an interruption. What it prints stays in a file of the report.
  void clean_up(const std::string& text);

 private:
  class Shell;
  [[nodiscard]] std::string file(std::string_view what) const;
  [[nodiscard]] std::string prepare(const LabStep& step, std::string& output);
  [[nodiscard]] std::string run_whole(const std::string& text, const std::string& path, int& exit_code);

  LabSurroundings surroundings_;
  SignalWaiter& waiter_;
  Clock& clock_;
  std::size_t number_ = 0;  // of the step
  std::vector<std::unique_ptr<Shell>> background_;
};

}  // namespace isotach::command
