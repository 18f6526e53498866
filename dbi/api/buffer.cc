// Trace buffers of tools, over those of the engine.
#include "pin/buffer.h"

#include <sys/mman.h>

#include "api/hooks.h"
#include "api/instrument.h"
#include "engine/dispatch/context.h"
#include "engine/instrument/buffer.h"

namespace LEVEL_BASE {

using namespace isotach::dbi;
using namespace isotach::dbi::api;

namespace {

struct Kind {
  TRACE_BUFFER_CALLBACK function = nullptr;
  VOID* value = nullptr;
};
Kind kinds[kMaximumTraceBuffers];

void* is_full(uint32_t buffer, ThreadContext& context, void* records, uint64_t count, void*) {
  const Kind& kind = kinds[buffer];
  return kind.function(static_cast<BUFFER_ID>(buffer + 1), static_cast<THREADID>(context.thread_id),
                       reinterpret_cast<const CONTEXT*>(&context), records, count, kind.value);
}

uint32_t number_of(BUFFER_ID id, const char* function) {
  if (id == BUFFER_ID_INVALID || id > trace_buffer_count())
    fail(std::string(function) + ": there is no such buffer");
  return id - 1;
}

}  // namespace

BUFFER_ID PIN_DefineTraceBuffer(size_t record_size, UINT32 pages, TRACE_BUFFER_CALLBACK function,
                                VOID* value) {
  const size_t bytes = size_t{pages} * 4096;
  if (record_size == 0 || record_size > bytes)
    fail("PIN_DefineTraceBuffer: a record does not fit into the buffer");
  TraceBufferLayout layout;
  layout.record_bytes = static_cast<uint32_t>(record_size);
  layout.buffer_bytes = static_cast<uint32_t>(bytes / record_size * record_size);
  layout.full = is_full;
  const uint32_t number = define_trace_buffer(layout);
  if (number >= kMaximumTraceBuffers) return BUFFER_ID_INVALID;
  kinds[number] = {function, value};
  return static_cast<BUFFER_ID>(number + 1);
}

VOID* PIN_AllocateBuffer(BUFFER_ID id) {
  const TraceBufferLayout& layout = trace_buffer_layout(number_of(id, "PIN_AllocateBuffer"));
  void* memory =
      mmap(nullptr, layout.buffer_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}
VOID PIN_DeallocateBuffer(BUFFER_ID id, VOID* buffer) {
  munmap(buffer, trace_buffer_layout(number_of(id, "PIN_DeallocateBuffer")).buffer_bytes);
}
VOID* PIN_GetBufferPointer(const CONTEXT* context, BUFFER_ID id) {
  const auto& fields = *reinterpret_cast<const ThreadContext*>(context);
  return reinterpret_cast<VOID*>(fields.buffers[2 * number_of(id, "PIN_GetBufferPointer")]);
}

}  // namespace LEVEL_BASE
