// A lab as text: what is done, in order, and how it is told whether it came out. The files are labs/*.lab;
// they are built into the program. Pure.
//
// A line is a word and its value; a line that begins with blanks goes on with the value before it. '#'
// begins a comment. Of the lab: title, task (what is to be found out), needs (root, or a program that must
// be there; repeatable), cleanup SHELL (done at the end, whatever happened), bed (host: as the machine is;
// network: interfaces and processes of its own, gone with the lab). Of each step, after `step TITLE`:
//
//   setup SHELL          what makes the situation; shown, but no part of the task
//   background SHELL     runs from here until the lab ends
//   await REGEX          the next thing is done when the background program has printed this
//   run SHELL            the command of the step
//   exit CODE            how it ends when all is well (0)
//   expect REGEX         its output has this (POSIX extended, line by line)
//   number LOW HIGH REGEX   its output has this, and its first group is a number in this range
//   picture FILE CAPTION    the command made FILE
//   look, means, try     what to look at, what it means, what to try next
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace isotach::command {

struct LabNumber {
  double low = 0, high = 0;
  std::string pattern;
};

struct LabPicture {
  std::string file;
  std::string caption;
};

struct LabStep {
  std::string title;
  std::string setup, background, await, run;
  int exit_code = 0;
  std::vector<std::string> expected;
  std::vector<LabNumber> numbers;
  std::vector<LabPicture> pictures;
  std::vector<std::string> look, means, next;
};

enum class LabBed { host, network };

struct Lab {
  std::string name;  // "link": the file's
  std::string title;
  std::string task;
  std::vector<std::string> needs;
  std::string cleanup;
  LabBed bed = LabBed::host;
  std::vector<LabStep> steps;
};

// Fails with the line that is wrong.
[[nodiscard]] Result<Lab> parse_lab(std::string_view name, std::string_view text);

// Why the output of a command is not what the step expects; empty where it is. A pattern that cannot be
// read is such a reason too.
[[nodiscard]] std::vector<std::string> misses_of(const LabStep& step, int exit_code, std::string_view output);

// Whether a line of `text` matches; false for a pattern that cannot be read.
[[nodiscard]] bool has_match(std::string_view text, const std::string& pattern);

// The labs that are built in, in the order of the lab.
struct LabText {
  std::string_view name;
  std::string_view text;
};
[[nodiscard]] const std::vector<LabText>& lab_texts();

}  // namespace isotach::command
