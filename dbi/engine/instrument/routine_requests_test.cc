// Requests for routines of this test program, applied to plans of its own code.
#include "engine/instrument/routine_requests.h"

#include <gtest/gtest.h>
#include <sys/auxv.h>

namespace isotach::dbi {
namespace {

// Two returns, so that both must be found.
extern "C" __attribute__((noinline, noclone, optimize("O1"))) int requests_test_marker(int value) {
  asm volatile("test %0, %0; jne 1f; ret; 1: nop" : : "r"(value));
  return value + 1;
}

uint64_t marker() {
  return reinterpret_cast<uint64_t>(reinterpret_cast<void*>(&requests_test_marker));
}

class RequestsTest : public testing::Test {
 protected:
  RequestsTest() {
    images().symbols_wanted = true;
    if (images().all().empty()) images().start(getauxval(AT_ENTRY), 0);
    routine = images().routine_at(marker());
  }
  // The marker's code as one trace: what a translator would see of it.
  TracePlan plan_of() {
    TracePlan plan;
    plan.address = marker();
    for (uint64_t at = marker(); at < marker() + routine->size;) {
      PlannedInstruction one;
      one.address = at;
      one.bytes = reinterpret_cast<const uint8_t*>(at);
      one.scan = scan_instruction(one.bytes, 15, at);
      at += one.scan.length;
      plan.instructions.push_back(one);
    }
    plan.blocks = {{0, 2}, {2, static_cast<uint32_t>(plan.instructions.size()) - 2}};
    return plan;
  }
  static Call call_of(uint64_t number) {
    Call call;
    call.routine = number;
    return call;
  }
  Routine* routine = nullptr;
  RoutineRequests requests;
};

TEST_F(RequestsTest, CallsAtEntryAndAtEveryReturn) {
  ASSERT_NE(routine, nullptr);
  requests.add_entry(*routine, call_of(1));
  requests.add_entry(*routine, call_of(2));
  requests.add_exit(*routine, call_of(3));
  TracePlan plan = plan_of();
  plan.instructions[0].calls.push_back(call_of(9));  // of a callback that came later
  requests.apply(plan);
  ASSERT_EQ(plan.instructions[0].calls.size(), 3u);
  EXPECT_EQ(plan.instructions[0].calls[0].routine, 1u);
  EXPECT_EQ(plan.instructions[0].calls[1].routine, 2u);
  size_t returns = 0;
  for (const PlannedInstruction& one : plan.instructions) {
    if (one.scan.flow != Flow::return_near) continue;
    ++returns;
    ASSERT_EQ(one.calls.size(), 1u);
    EXPECT_EQ(one.calls[0].routine, 3u);
  }
  EXPECT_EQ(returns, 2u);
  EXPECT_TRUE(plan.instrumented);
  requests.forget(marker(), marker() + 1);
  TracePlan later = plan_of();
  requests.apply(later);
  EXPECT_FALSE(later.instrumented);
}

TEST_F(RequestsTest, OpenedInstructionsAreKept) {
  OpenedRoutine* const opened = requests.open(*routine);
  ASSERT_NE(opened, nullptr);
  EXPECT_EQ(requests.open(*routine), opened);
  EXPECT_EQ(requests.opened(*routine), opened);
  const TracePlan bare = plan_of();
  ASSERT_EQ(opened->instructions.size(), bare.instructions.size());
  for (size_t i = 0; i < bare.instructions.size(); ++i)
    EXPECT_EQ(opened->instructions[i].address, bare.instructions[i].address);
  opened->instructions[1].calls.push_back(call_of(5));
  opened->instructions[2].removed = true;
  requests.close(*routine);
  EXPECT_EQ(requests.opened(*routine), nullptr);
  TracePlan plan = plan_of();
  requests.apply(plan);
  ASSERT_EQ(plan.instructions[1].calls.size(), 1u);
  EXPECT_TRUE(plan.instructions[2].removed);
  EXPECT_FALSE(plan.instructions[3].removed);
}

TEST_F(RequestsTest, AReplacedRoutineIsACallAndAReturn) {
  requests.replace(*routine, {.function = 77, .arguments = {}});
  EXPECT_TRUE(requests.is_replaced(*routine));
  TracePlan plan = plan_of();
  requests.apply(plan);
  ASSERT_EQ(plan.instructions.size(), 1u);
  ASSERT_EQ(plan.blocks.size(), 1u);
  EXPECT_EQ(plan.blocks[0].count, 1u);
  EXPECT_EQ(plan.instructions[0].scan.flow, Flow::return_near);
  ASSERT_EQ(plan.instructions[0].calls.size(), 1u);
  const Call& call = plan.instructions[0].calls[0];
  EXPECT_EQ(call.routine, 77u);
  EXPECT_TRUE(call.returns_value);
  EXPECT_EQ(call.arguments.size(), 10u);
  EXPECT_EQ(call.arguments[9].value, 9u);
}

TEST_F(RequestsTest, ARoutineIsAnnouncedOnce) {
  routine->announced = false;
  std::vector<std::string> names;
  requests.on_routine = [&](Routine& one) {
    names.emplace_back(one.name);
    requests.add_entry(one, call_of(4));
  };
  TracePlan plan = plan_of();
  requests.apply(plan);
  TracePlan again = plan_of();
  requests.apply(again);
  EXPECT_EQ(names, std::vector<std::string>{"requests_test_marker"});
  // What the callback asked for is there at once.
  EXPECT_EQ(plan.instructions[0].calls.size(), 1u);
  EXPECT_EQ(again.instructions[0].calls.size(), 1u);
}

}  // namespace
}  // namespace isotach::dbi
