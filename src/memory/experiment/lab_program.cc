#include "memory/experiment/lab_program.h"

#include <memory>
#include <string_view>

namespace isotach::memory {
namespace {

using Items = std::vector<std::string>;

// The strings of the lab: the same words, a thousand times.
std::string unique_object(std::uint64_t number) {
  constexpr int kTimes = 1000;
  const std::string words = "some unique object " + std::to_string(number);
  std::string text;
  text.reserve(words.size() * kTimes);
  for (int i = 0; i < kTimes; ++i) text += words;
  return text;
}

Items do_append(const LabProgram& program) {
  Items items;
  for (std::uint64_t i = 0; i < program.size; ++i) {
    items.push_back(unique_object(i));
    program.wait();
  }
  return items;
}

Items do_allocate(const LabProgram& program) {
  Items items(program.size);
  for (std::uint64_t i = 0; i < program.size; ++i) {
    items[i] = unique_object(i);
    program.wait();
  }
  return items;
}

// An owner that holds itself: when the last reference from outside goes, one from inside remains.
struct Owner {
  Items items;
  std::shared_ptr<Owner> self;
};

std::weak_ptr<Owner> do_append_with_cycle(const LabProgram& program) {
  const auto owner = std::make_shared<Owner>();
  owner->self = owner;
  owner->items = do_append(program);
  return owner;
}

void undo_cycle(const std::weak_ptr<Owner>& lost) {
  if (const auto owner = lost.lock()) owner->self.reset();
}

// Runs `part` between two marks; what it returns is dropped before the second.
template <class Part>
void phase(const LabProgram& program, const std::string& name, const Part& part) {
  program.mark("begin " + name);
  static_cast<void>(part());
  program.mark("end " + name);
  program.pause();
}

void append_then_allocate_with_cycle(const LabProgram& program, bool undo) {
  std::weak_ptr<Owner> lost;
  phase(program, "do_append", [&] { return lost = do_append_with_cycle(program); });
  const auto undo_it = [&] {
    undo_cycle(lost);
    return 0;
  };
  if (undo) phase(program, "undo cycle", undo_it);
  phase(program, "do_allocate", [&] { return do_allocate(program); });
  program.mark("end");
  // Nothing is left for a leak checker to find.
  undo_it();
}

void both_kept(const LabProgram& program) {
  Items appended;
  Items allocated;
  phase(program, "do_append", [&] {
    appended = do_append(program);
    return 0;
  });
  phase(program, "do_allocate", [&] {
    allocated = do_allocate(program);
    return 0;
  });
  program.mark("end");
}

}  // namespace

void run_lab_experiment(int number, const LabProgram& program) {
  const auto append = [&] { return do_append(program); };
  const auto allocate = [&] { return do_allocate(program); };
  program.pause();
  switch (number) {
    case 1:
      phase(program, "do_append", append);
      break;
    case 2:
      phase(program, "do_allocate", allocate);
      break;
    case 3:
      phase(program, "do_append", append);
      phase(program, "do_allocate", allocate);
      break;
    case 4:
      both_kept(program);
      break;
    case 5:
      append_then_allocate_with_cycle(program, false);
      break;
    case 6:
      append_then_allocate_with_cycle(program, true);
      break;
    default:
      break;
  }
}

}  // namespace isotach::memory
