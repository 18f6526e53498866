// isotach experiment memory: runs programs under observation and says what they did with memory.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "base/fd.h"
#include "base/text.h"
#include "base/units.h"
#include "command/experiment/commands.h"
#include "command/experiment/figures.h"
#include "command/experiment/inherited.h"
#include "command/experiment/memory_options.h"
#include "command/experiment/memory_print.h"
#include "command/experiment/memory_report.h"
#include "command/experiment/observer.h"
#include "command/plot_session.h"
#include "command/record_info.h"
#include "command/vm_process_report.h"
#include "kernel/cgroup_limits.h"
#include "kernel/host.h"
#include "kernel/meminfo.h"
#include "memory/experiment/scripts.h"
#include "view/plot/picture.h"

namespace isotach::command {
namespace {

using memory::LabRun;
using memory::Language;

constexpr int kPictureWidth = 960;
constexpr int kPictureHeight = 460;

// A program that is given on the command line can be a page long; its start names it.
constexpr std::size_t kLongestName = 60;
constexpr std::size_t kLongestCommand = 400;

std::string joined(const std::vector<std::string>& words, std::size_t columns) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return fit_columns(printable(text), columns);
}

const memory::LabExperiment& experiment_of(int number) {
  return memory::lab_experiments()[static_cast<std::size_t>(number - 1)];
}

class MemoryExperiment {
 public:
  MemoryExperiment(Context& context, const Arguments& arguments, MemoryExperimentOptions options)
      : context_(context), arguments_(arguments), options_(std::move(options)), series_(table_) {}

  int run() {
    if (auto ready = prepare(); !ready) return context_.report(ready.error());
    auto done = options_.command.empty() ? run_lab() : run_command();
    clear_progress();
    if (!done && runs_.empty()) return context_.report(done.error());
    if (auto written = write_results(); !written) return context_.report(written.error());
    if (!done) return context_.report(done.error());
    return interrupted_ ? kExitCutShort : kExitOk;
  }

 private:
  // Everything that can be refused is refused before anything runs.
  Result<void> prepare() {
    for (const std::string* path : {&options_.report_path, &options_.record_path})
      if (!path->empty())
        if (auto writable = check_writable(*path); !writable) return writable;
    if (auto ready = prepare_pictures(); !ready) return ready;
    if (!options_.command.empty()) {
      if (const auto found = kernel::find_program(options_.command.front()); !found)
        return tl::make_unexpected(found.error());
    } else if (auto enough = check_memory(); !enough) {
      return enough;
    }
    for (const LabChoice& choice : options_.experiments)
      if (choice.language == Language::python)
        if (const auto found = kernel::find_program("python3"); !found)
          return failure(ErrorKind::not_supported, "there is no python3 for the experiments in Python",
                         "install it, or give --language c++");
    return create_recorder();
  }

  [[nodiscard]] bool has_several() const { return options_.experiments.size() > 1; }

  // One picture is a file, several go into a folder.
  Result<void> prepare_pictures() {
    for (const std::string* path : {&options_.svg_path, &options_.png_path}) {
      if (path->empty()) continue;
      if (!has_several()) {
        if (auto writable = check_writable(*path); !writable) return writable;
      } else if (::mkdir(path->c_str(), 0777) != 0 && errno != EEXIST) {
        return system_failure(errno, "create the folder " + printable(*path));
      } else if (auto writable = check_writable(*path + "/x"); !writable) {
        return failure(ErrorKind::usage, printable(*path) + " is no folder that can be written",
                       "several experiments make several pictures: name a folder for them");
      }
    }
    if (!options_.png_path.empty() && !view::png_supported()) return refuse_png();
    return {};
  }

  static Result<void> refuse_png() {
    auto refused = view::png_of({}, kPictureWidth, kPictureHeight);
    if (!refused) return tl::make_unexpected(refused.error());
    return {};
  }

  // The experiments must not push other programs into swap, or be killed in the middle.
  Result<void> check_memory() {
    std::uint64_t needed = 0;
    std::uint64_t most_lists = 1;
    for (const LabChoice& choice : options_.experiments) {
      needed = std::max(needed, memory::expected_bytes(choice.number, options_.size));
      if (choice.number == 4 || choice.number == 5) most_lists = 2;
    }
    constexpr std::uint64_t kProgramBytes = 64ull << 20;
    needed += needed / 8 + kProgramBytes;
    kernel::MemoryReading reading;
    kernel::MemoryReader reader{kernel::SystemRoot()};
    if (!reader.read(reading) || reading[kernel::MemoryField::available].is_missing()) return {};
    std::uint64_t available = reading.number(kernel::MemoryField::available) * 1024;
    const Value limit = kernel::read_cgroup_limits(kernel::SystemRoot()).memory_bytes;
    if (!limit.is_missing()) available = std::min(available, limit.as_unsigned());
    if (needed <= available) return {};
    const std::uint64_t room = available > 2 * kProgramBytes ? available - 2 * kProgramBytes : 0;
    const std::uint64_t fits = room / (memory::list_bytes(1000) / 1000 + 2000) * 8 / 9 / most_lists;
    return failure(
        ErrorKind::failed,
        fmt::format("the experiments need up to {} and only {} are available",
                    format_bytes(static_cast<double>(needed)), format_bytes(static_cast<double>(available))),
        fits > 0 ? fmt::format("give a smaller --size; {} would fit", fits) : std::string());
  }

  Result<void> create_recorder() {
    if (options_.record_path.empty()) return {};
    const record::RecordingInfo info = recording_info(context_, arguments_, kernel::SystemRoot(),
                                                      context_.clock.now(), options_.interval_ns);
    auto recorder = record::Recorder::create(options_.record_path, info, table_);
    if (!recorder) return tl::make_unexpected(recorder.error());
    recorder_ = std::move(*recorder);
    return {};
  }

  Result<void> run_command() {
    ObserveOptions observe_options = common_options("observing");
    observe_options.words = options_.command;
    observe_options.python_hook = options_.python_gc;
    // What is printed for programs stays alone on its output.
    observe_options.output_fd = options_.format == Format::table ? -1 : STDERR_FILENO;
    context_.out.flush();
    auto observed = observe(context_, observe_options);
    if (!observed) return tl::make_unexpected(observed.error());
    add_run(joined(options_.command, kLongestName), joined(options_.command, kLongestName),
            std::move(*observed));
    return {};
  }

  Result<void> run_lab() {
    auto script = make_memory_file("experiment.py", memory::lab_script());
    if (!script) return tl::make_unexpected(script.error());
    for (const LabChoice& choice : options_.experiments) {
      const memory::LabExperiment& experiment = experiment_of(choice.number);
      ObserveOptions observe_options = common_options(
          fmt::format("experiment {} in {}", choice.number, memory::language_text(choice.language)));
      if (choice.language == Language::python) {
        observe_options.python_hook = true;
        observe_options.words = {"python3",
                                 inherited_path(*script),
                                 std::to_string(choice.number),
                                 "--size",
                                 std::to_string(options_.size),
                                 "--delay",
                                 fmt::format("{:.9f}", static_cast<double>(options_.delay_ns) / 1e9)};
      } else {
        observe_options.words = {"/proc/self/exe", "internal-memory-experiment",
                                 std::to_string(choice.number), std::to_string(options_.size),
                                 std::to_string(options_.delay_ns)};
      }
      observe_options.output_fd = STDERR_FILENO;
      auto observed = observe(context_, observe_options);
      if (!observed) return tl::make_unexpected(observed.error());
      const bool failed = observed->end && (observed->end->by_signal || observed->end->number != 0);
      if (failed && !observed->interrupted)
        return failure(ErrorKind::failed,
                       fmt::format("experiment {} in {} ended with {}", choice.number,
                                   memory::language_text(choice.language), end_text(*observed->end)));
      if (observed->interrupted) {
        interrupted_ = true;
        return {};
      }
      const std::string_view language = memory::language_text(choice.language);
      add_run(fmt::format("{} {} {}", language, experiment.number, experiment.name),
              fmt::format("Experiment {} in {}: {}", experiment.number, language, experiment.title),
              std::move(*observed));
      runs_.back().file_name = fmt::format("{}-{}-{}", choice.language == Language::python ? "python" : "cpp",
                                           experiment.number, experiment.name);
      const JudgedRun& run = runs_.back();
      lab_.push_back({choice.number, choice.language, run.judged, run.phases});
    }
    return {};
  }

  ObserveOptions common_options(const std::string& what) {
    ObserveOptions observe_options;
    observe_options.interval_ns = options_.interval_ns;
    observe_options.recorder = recorder_.get();
    observe_options.series = &series_;
    if (::isatty(STDERR_FILENO) == 1 && options_.command.empty())
      observe_options.on_sample = [this, what](const memory::MemorySample& sample, std::int64_t elapsed_ns) {
        progress(what, sample, elapsed_ns);
      };
    return observe_options;
  }

  void progress(const std::string& what, const memory::MemorySample& sample, std::int64_t elapsed_ns) {
    constexpr std::int64_t kProgressNs = 200'000'000;
    if (elapsed_ns / kProgressNs == shown_progress_) return;
    shown_progress_ = elapsed_ns / kProgressNs;
    context_.err.write(fmt::format("\r\033[K{}: {}, {}", what,
                                   format_duration_ns(static_cast<double>(elapsed_ns)),
                                   format_bytes(sample.resident_bytes.value_or(0))));
    context_.err.flush();
    progress_shown_ = true;
  }

  void clear_progress() {
    if (progress_shown_) context_.err.write("\r\033[K");
    context_.err.flush();
  }

  void add_run(std::string name, std::string title, Observed observed) {
    JudgedRun run;
    run.name = std::move(name);
    run.title = std::move(title);
    run.judged = memory::judge(observed.run);
    run.phases = memory::phases_of(observed.run);
    run.run = std::move(observed.run);
    run.start_text = format_wall_time_local(observed.start.wall_ns);
    if (observed.end) run.end_text = end_text(*observed.end);
    interrupted_ = interrupted_ || observed.interrupted;
    missed_ += observed.missed_samples;
    runs_.push_back(std::move(run));
  }

  Result<void> write_results() {
    if (recorder_) {
      if (auto finished = recorder_->finish(); !finished) return finished;
    }
    // A command may have written in between: what we print begins on a line of its own.
    if (options_.format == Format::json) {
      context_.out.write(memory_json(runs_, lab_, interrupted_));
    } else if (options_.format == Format::csv) {
      context_.out.write(memory_csv(runs_));
    } else if (options_.command.empty()) {
      if (!runs_.empty()) print_lab(context_, runs_, lab_);
    } else {
      print_command(context_, runs_.front());
    }
    context_.out.flush();
    if (missed_ > 0) context_.note(fmt::format("{} samples came too late and were left out", missed_));
    if (runs_.empty()) return {};
    if (auto written = write_report(); !written) return written;
    return write_pictures();
  }

  Result<void> write_report() {
    if (options_.report_path.empty()) return {};
    const kernel::Host host = kernel::read_host(kernel::SystemRoot());
    ReportHead head;
    head.title = options_.command.empty() ? "Memory experiments: append and allocate"
                                          : "What a program did with memory";
    head.subtitle = fmt::format("{}, {}", printable(host.name), runs_.front().start_text);
    std::vector<std::string> words = {"isotach", "experiment", "memory"};
    words.insert(words.end(), arguments_.words().begin(), arguments_.words().end());
    head.facts = {{"command", joined(words, kLongestCommand)},
                  {"kernel", "Linux " + printable(host.kernel_release)}};
    head.facts.emplace_back(
        "samples", fmt::format("every {}", format_duration_ns(static_cast<double>(options_.interval_ns))));
    if (options_.command.empty()) {
      head.facts.emplace_back(
          "size", fmt::format("{} strings in each list, {} together", options_.size,
                              format_bytes(static_cast<double>(memory::list_bytes(options_.size)))));
      head.facts.emplace_back(
          "delay", options_.delay_ns > 0
                       ? format_duration_ns(static_cast<double>(options_.delay_ns)) + " after each string"
                       : std::string("none"));
    }
    const view::Report report =
        options_.command.empty() ? lab_report(head, runs_, lab_) : command_report(head, runs_.front());
    auto written = replace_file(options_.report_path, view::html_of(report));
    if (written) context_.note("wrote " + printable(options_.report_path));
    return written;
  }

  Result<void> write_pictures() {
    for (const JudgedRun& run : runs_) {
      const view::Figure figure = detailed_figure(run);
      const auto path = [&](const std::string& given, const char* suffix) {
        return has_several() ? fmt::format("{}/{}{}", given, run.file_name, suffix) : given;
      };
      if (!options_.svg_path.empty()) {
        auto written = replace_file(path(options_.svg_path, ".svg"),
                                    view::svg_of(figure, kPictureWidth, kPictureHeight));
        if (!written) return written;
      }
      if (options_.png_path.empty()) continue;
      const auto bytes = view::png_of(figure, kPictureWidth, kPictureHeight);
      if (!bytes) return tl::make_unexpected(bytes.error());
      if (auto written = replace_file(path(options_.png_path, ".png"), *bytes); !written) return written;
    }
    return write_overlay();
  }

  Result<void> write_overlay() {
    if (!has_several()) return {};
    const view::Figure figure = overlaid_figure(runs_);
    if (!options_.svg_path.empty()) {
      auto written =
          replace_file(options_.svg_path + "/all.svg", view::svg_of(figure, kPictureWidth, kPictureHeight));
      if (!written) return written;
    }
    if (options_.png_path.empty()) return {};
    const auto bytes = view::png_of(figure, kPictureWidth, kPictureHeight);
    if (!bytes) return tl::make_unexpected(bytes.error());
    return replace_file(options_.png_path + "/all.png", *bytes);
  }

  Context& context_;
  const Arguments& arguments_;
  MemoryExperimentOptions options_;
  record::SeriesTable table_;
  memory::ProcessSeries series_;
  std::unique_ptr<record::Recorder> recorder_;
  std::vector<JudgedRun> runs_;
  std::vector<LabRun> lab_;
  bool interrupted_ = false;
  std::uint64_t missed_ = 0;
  std::int64_t shown_progress_ = -1;
  bool progress_shown_ = false;
};

int run(Context& context, const Arguments& arguments) {
  auto options = memory_experiment_options_of(arguments);
  if (!options) return context.report(options.error());
  return MemoryExperiment(context, arguments, std::move(*options)).run();
}

}  // namespace

CommandSpec experiment_memory_command() {
  CommandSpec spec;
  spec.name = "experiment memory";
  spec.area = "memory";
  spec.summary = "run programs under observation and say what they do with memory";
  spec.usages = {"isotach experiment memory [OPTIONS] --all",
                 "isotach experiment memory [OPTIONS] --experiment N",
                 "isotach experiment memory [OPTIONS] -- COMMAND [ARGUMENT...]"};
  spec.description =
      "The experiments of the lab compare a list that grows (do_append) with one that has its size from the "
      "start (do_allocate): 1 append alone, 2 allocate alone, 3 both with their results dropped, 4 both "
      "kept, 5 as 3 with a list that contains itself, 6 as 5 with the cycle undone in between. Each runs in "
      "a process of its own, in Python and in C++, and is sampled 100 times a second. What is printed "
      "follows from the samples: which experiments use the same memory, and why.\n\nA COMMAND gets a "
      "verdict: steady, ramp, steps, plateau, peak, sawtooth, leak-like, freed but kept, kept by a reference "
      "cycle, partly freed, or too short to tell; with the numbers that it rests on. Its output goes where "
      "it always goes, or to standard error where --json or --csv is printed. Its exit code is told, not "
      "returned.\n\nFrom outside, memory that is in use, leaked, or free inside an allocator looks the same, "
      "and the verdict says so. With --python-gc a Python program is asked: a module is put before its own "
      "by PYTHONPATH, and at its end it tells the state of its allocators, runs the cycle collector and "
      "tells it again. Nothing is written to disk for that. Programs started with -I, -E or -S, and those "
      "that are killed, say nothing.";
  spec.options = memory_experiment_option_specs();
  spec.examples = {
      {"isotach experiment memory --all --report memory.html", "the lab's experiments as one page"},
      {"isotach experiment memory --experiment 3,4 --language python --svg curves",
       "two of them, as pictures"},
      {"isotach experiment memory -- python3 worker.py", "what a program does with memory"},
      {"isotach experiment memory --python-gc -- python3 worker.py",
       "and whether it leaks, keeps cycles, or free memory"},
  };
  spec.takes_command = true;
  spec.run = run;
  return spec;
}

}  // namespace isotach::command
