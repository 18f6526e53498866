#include "engine/instrument/buffer.h"

#include <sys/mman.h>

#include <cstdarg>
#include <cstring>
#include <set>
#include <utility>

#include "engine/dispatch/context.h"
#include "engine/instrument/counters.h"
#include "engine/instrument/plan.h"
#include "engine/os/stop.h"

namespace isotach::dbi {
namespace {

TraceBufferLayout layouts[kMaximumTraceBuffers];
uint32_t count = 0;

void set_buffer(ThreadContext& context, uint32_t buffer, void* memory) {
  const auto low = reinterpret_cast<uint64_t>(memory);
  context.buffers[2 * buffer] = low;
  context.buffer_end[buffer] = low + layouts[buffer].buffer_bytes;
  context.buffers[2 * buffer + 1] = 0 - context.buffer_end[buffer];
  context.buffer_low[buffer] = low;
}

void hand_over(ThreadContext& context, uint32_t buffer) {
  TraceBufferLayout& layout = layouts[buffer];
  const uint64_t low = context.buffer_low[buffer];
  const uint64_t records = (context.buffers[2 * buffer] - low) / layout.record_bytes;
  settle_all_counters();
  void* next = layout.full(buffer, context, reinterpret_cast<void*>(low), records, layout.user);
  set_buffer(context, buffer, next != nullptr ? next : reinterpret_cast<void*>(low));
}

}  // namespace

uint32_t define_trace_buffer(const TraceBufferLayout& layout) {
  if (count == kMaximumTraceBuffers) return kMaximumTraceBuffers;
  layouts[count] = layout;
  return count++;
}

TraceBufferLayout& trace_buffer_layout(uint32_t buffer) {
  return layouts[buffer];
}

uint32_t trace_buffer_count() {
  return count;
}

void start_trace_buffers(ThreadContext& context) {
  for (uint32_t buffer = 0; buffer < count; ++buffer) {
    void* memory = mmap(nullptr, layouts[buffer].buffer_bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) stop("no memory for a trace buffer", layouts[buffer].buffer_bytes);
    set_buffer(context, buffer, memory);
  }
}

void finish_trace_buffers(ThreadContext& context) {
  for (uint32_t buffer = 0; buffer < count; ++buffer) {
    if (context.buffer_low[buffer] != 0) hand_over(context, buffer);
  }
}

const TraceFields* trace_fields(const Call& record) {
  static auto* all = new std::set<TraceFields>;
  TraceFields made{record.buffer, {}};
  for (const Argument& argument : record.arguments) made.fields.push_back({argument.offset, argument.size});
  return &*all->insert(std::move(made)).first;
}

extern "C" void isotach_store_record(ThreadContext* context, const TraceFields* fields, ...) {
  uint64_t& next = context->buffers[2 * fields->buffer];
  if (next + layouts[fields->buffer].record_bytes > context->buffer_end[fields->buffer])
    isotach_trace_buffer_full(context, fields->buffer);
  auto* record = reinterpret_cast<uint8_t*>(next);
  va_list values;
  va_start(values, fields);
  for (const TraceField& field : fields->fields) {
    const uint64_t value = va_arg(values, uint64_t);
    std::memcpy(record + field.offset, &value, field.size < 8 ? field.size : 8);
  }
  va_end(values);
  next += layouts[fields->buffer].record_bytes;
}

extern "C" void isotach_trace_buffer_full(ThreadContext* context, uint64_t buffer) {
  hand_over(*context, static_cast<uint32_t>(buffer));
}

}  // namespace isotach::dbi
