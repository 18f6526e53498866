// Trace buffers: records that analysis code stores inline, handed to the tool when a buffer is full.
//
// Each thread has a buffer of each kind that was defined; ThreadContext::buffers holds, for kind n, the
// address of the next record at [2n] and the negative of the end's address at [2n + 1], buffer_end[n] the
// end's. The tool is given the records when the next ones would not fit: sooner by a few than when none fits.
//
// Thread rules: kinds are defined before the program runs. The layout is then only read.
#pragma once

#include <compare>
#include <cstdint>
#include <vector>

namespace isotach::dbi {

struct ThreadContext;

struct TraceField {
  uint32_t offset = 0;
  uint32_t size = 8;
  auto operator<=>(const TraceField&) const = default;
};

struct TraceBufferLayout {
  uint32_t record_bytes = 0;
  uint32_t buffer_bytes = 0;  // a multiple of record_bytes
  // Where a value goes in a record is said by each call's arguments. Takes the records; returns the buffer
  // to fill next (the same, or another of the same size). `count` records.
  void* (*full)(uint32_t buffer, ThreadContext& context, void* records, uint64_t count, void* user) = nullptr;
  void* user = nullptr;
};

inline constexpr uint32_t kMaximumTraceBuffers = 4;

// Returns its number, or kMaximumTraceBuffers when there are too many.
uint32_t define_trace_buffer(const TraceBufferLayout& layout);
TraceBufferLayout& trace_buffer_layout(uint32_t buffer);
uint32_t trace_buffer_count();

// Gives a thread its buffers, and takes what is left in them when it ends.
void start_trace_buffers(ThreadContext& context);
void finish_trace_buffers(ThreadContext& context);

// How a record of one INS_InsertFillBuffer call is made. The same object for equal ones; never freed.
struct TraceFields {
  uint32_t buffer = 0;
  std::vector<TraceField> fields;
  auto operator<=>(const TraceFields&) const = default;
};
struct Call;
const TraceFields* trace_fields(const Call& record);

// Stores the values, 64 bits each, that follow `fields`.
extern "C" void isotach_store_record(ThreadContext* context, const TraceFields* fields, ...);

extern "C" void isotach_trace_buffer_full(ThreadContext* context, uint64_t buffer);

}  // namespace isotach::dbi
