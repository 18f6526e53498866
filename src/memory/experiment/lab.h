// The lab's experiments: what they are, and what the measured ones say when they are put beside each other.
// Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "memory/experiment/phases.h"
#include "memory/experiment/verdict.h"

namespace isotach::memory {

enum class Language { python, cpp };
[[nodiscard]] std::string_view language_text(Language language);  // "Python"
[[nodiscard]] std::string_view language_key(Language language);   // "python"

struct LabExperiment {
  int number = 0;
  std::string_view name;   // what --experiment takes as well
  std::string_view title;  // "do_append alone"
  std::string_view what;   // a sentence
};
[[nodiscard]] const std::vector<LabExperiment>& lab_experiments();

// Bytes of the strings that one list holds: "some unique object %d" a thousand times.
[[nodiscard]] std::uint64_t list_bytes(std::uint64_t size);
// What an experiment needs at most, and what it grows by; the kept ones need two lists.
[[nodiscard]] std::uint64_t expected_bytes(int number, std::uint64_t size);

struct LabRun {
  int number = 0;
  Language language = Language::python;
  MemoryVerdict judged;
  std::vector<Phase> phases;

  // Above what the program had before it began.
  [[nodiscard]] double growth_bytes() const { return judged.numbers.peak_bytes - judged.numbers.base_bytes; }
};

// What became of the first list, in a few words: "freed at once", "kept by a cycle".
[[nodiscard]] std::string outcome_of(const LabRun& run);

struct LabAnswer {
  std::string question;
  Language language = Language::python;
  std::vector<std::string> answer;  // each a sentence or two with its numbers
};
// Which use the same, then the questions of the lab, as far as what they need was run. Answers follow the
// numbers: where these contradict what is expected, they say so.
[[nodiscard]] std::vector<LabAnswer> answers_of(const std::vector<LabRun>& runs);

}  // namespace isotach::memory
