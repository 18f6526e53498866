// Records what a program does: each instruction that runs, each read of memory with its value, each write
// with the memory before and after. `isotach inspect` runs this tool and reads its stream; by hand:
//
//   pin -t inspect.so -o FILE [-i IMAGE]... [-reads 1] [-writes 1] [-instructions 1] -- COMMAND
//
// Thread rules: instrumentation callbacks hold the client lock; analysis routines touch only their thread's
// stream, and three flags that may be seen a little late.
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <map>
#include <unordered_map>
#include <utility>

#include "output.h"
#include "pin.H"

namespace inspect {
namespace {

KNOB<std::string> output_file(KNOB_MODE_WRITEONCE, "pintool", "o", "inspect.out",
                              "file or pipe for the records");
KNOB<std::string> wanted_images(KNOB_MODE_APPEND, "pintool", "i", "",
                                "only code of this image; again for several");
KNOB<std::string> wanted_routines(KNOB_MODE_APPEND, "pintool", "routine", "", "only code of this routine");
KNOB<std::string> wanted_addresses(KNOB_MODE_APPEND, "pintool", "address", "",
                                   "only data there: LOW-HIGH, hexadecimal");
KNOB<BOOL> with_instructions(KNOB_MODE_WRITEONCE, "pintool", "instructions", "1", "record instructions");
KNOB<BOOL> with_reads(KNOB_MODE_WRITEONCE, "pintool", "reads", "1", "record reads");
KNOB<BOOL> with_writes(KNOB_MODE_WRITEONCE, "pintool", "writes", "1", "record writes");
KNOB<UINT64> sample(KNOB_MODE_WRITEONCE, "pintool", "sample", "1",
                    "record one burst of 1000 instructions in so many");
KNOB<UINT64> limit(KNOB_MODE_WRITEONCE, "pintool", "limit", "0", "record at most so many events; 0: all");
KNOB<std::string> start_routine(KNOB_MODE_WRITEONCE, "pintool", "start", "",
                                "begin when this routine is entered");
KNOB<std::string> stop_routine(KNOB_MODE_WRITEONCE, "pintool", "stop", "",
                               "end when this routine is entered");

constexpr UINT64 kBurst = 1000;
constexpr ADDRINT kPageBytes = 4096;
constexpr UINT32 kMostSize = 65535;

struct Range {
  ADDRINT low, high;
};

// Numbers in the stream of what was described already.
struct KnownInstruction {
  UINT32 number;
  UINT8 size;
  UINT8 bytes[15];
};

Output output;
std::vector<Range> ranges;
// By THREADID. A child of vfork(2) runs in its parent's memory and has none: it is another process.
constexpr THREADID kMostThreads = 1 << 16;
ThreadStream* streams[kMostThreads];
// Zero in the child of a fork that has memory of its own.
volatile char* own_memory_mark = nullptr;
std::unordered_map<UINT32, UINT32> image_numbers, routine_numbers;  // by Id
std::unordered_map<UINT32, bool> image_is_wanted;
std::unordered_map<ADDRINT, KnownInstruction> known_instructions;
UINT32 instruction_count = 0, image_count = 0, routine_count = 0;

// KNOBs of which analysis routines ask millions of times.
UINT64 event_limit = 0, burst_period = kBurst;
bool active = true;
std::atomic<UINT64> events_left{~UINT64{0}};
// Goes up when the program changes its mappings: pages that were readable may be so no more.
std::atomic<UINT64> mapping_epoch{1};

// ---- analysis ----

ThreadStream* stream_of(THREADID thread) {
  return __builtin_expect(thread < kMostThreads, 1) ? streams[thread] : nullptr;
}

bool is_recording(const ThreadStream& stream) {
  return __builtin_expect(active && stream.in_burst, 1);
}

// False, and for ever: enough was recorded.
bool take_one(ThreadStream& stream) {
  if (__builtin_expect(event_limit == 0, 1)) return true;
  // Below 0 it wraps around, to more than there ever were.
  if (events_left.fetch_sub(1, std::memory_order_relaxed) - 1 < event_limit) return true;
  events_left.store(0, std::memory_order_relaxed);
  active = false;
  ++stream.not_recorded;
  return false;
}

bool is_wanted_address(ADDRINT address, UINT32 size) {
  if (ranges.empty()) return true;
  for (const Range& range : ranges)
    if (address < range.high && range.low < address + size) return true;
  return false;
}

// Copies memory that the program is about to touch, and must not fault where the program will: once a page
// was seen to be readable it is copied from directly, until the program changes its mappings.
bool copy_memory(ThreadStream& stream, char* to, ADDRINT from, UINT32 size) {
  const UINT64 epoch = mapping_epoch.load(std::memory_order_relaxed);
  if (stream.known_epoch != epoch) {
    std::memset(stream.known_pages, 0, sizeof stream.known_pages);
    stream.known_epoch = epoch;
  }
  const ADDRINT first = from / kPageBytes, last = (from + size - 1) / kPageBytes;
  const auto known = [&](ADDRINT page) {
    return stream.known_pages[page % ThreadStream::kKnownPages] == page;
  };
  if (__builtin_expect(last - first <= 1 && known(first) && known(last), 1)) {
    std::memcpy(to, reinterpret_cast<const void*>(from), size);
    return true;
  }
  if (PIN_SafeCopy(to, reinterpret_cast<const VOID*>(from), size) != size) return false;
  for (ADDRINT page = first; page <= last; ++page)
    stream.known_pages[page % ThreadStream::kKnownPages] = page;
  return true;
}

VOID PIN_FAST_ANALYSIS_CALL on_executed(THREADID thread, UINT32 instruction) {
  ThreadStream* const own = stream_of(thread);
  if (own == nullptr) return;
  ThreadStream& stream = *own;
  ++stream.instructions;
  if (!is_recording(stream) || !take_one(stream)) return;
  stream.event(kExecuted, 0, 0, instruction, 0);
}

// Where instructions are not recorded but bursts must be counted, or the sum is wanted.
VOID PIN_FAST_ANALYSIS_CALL on_counted(THREADID thread) {
  ThreadStream* const own = stream_of(thread);
  if (own == nullptr) return;
  ThreadStream& stream = *own;
  stream.in_burst = stream.instructions++ % burst_period < kBurst;
}

VOID on_read(THREADID thread, UINT32 instruction, UINT32 operand, ADDRINT address, UINT32 size) {
  ThreadStream* const own = stream_of(thread);
  if (own == nullptr) return;
  ThreadStream& stream = *own;
  if (!is_recording(stream)) {
    ++stream.not_recorded;
    return;
  }
  if (!is_wanted_address(address, size) || size == 0 || !take_one(stream)) return;
  if (size > kMostSize) size = kMostSize;
  char* const at = stream.event(kRead, static_cast<uint8_t>(operand << 1), static_cast<uint16_t>(size),
                                instruction, 8 + size);
  std::memcpy(at, &address, 8);
  if (__builtin_expect(copy_memory(stream, at + 8, address, size), 1)) return;
  ++stream.not_readable;
  stream.make_unreadable(at, size);
}

VOID before_write(THREADID thread, UINT32 operand, ADDRINT address, UINT32 size) {
  ThreadStream* const own = stream_of(thread);
  if (own == nullptr) return;
  ThreadStream& stream = *own;
  ThreadStream::Before& before = stream.before[operand];
  before.size = 0;
  if (!is_recording(stream) || !is_wanted_address(address, size)) return;
  if (size > ThreadStream::kMostBytes) size = ThreadStream::kMostBytes;
  before.address = address;
  before.size = size;
  before.readable = copy_memory(stream, before.bytes, address, size);
}

void record_write(ThreadStream& stream, UINT32 instruction, UINT32 operand, const char* after) {
  ThreadStream::Before& before = stream.before[operand];
  const UINT32 size = before.size;
  if (size == 0) {
    if (!is_recording(stream)) ++stream.not_recorded;
    return;
  }
  before.size = 0;
  if (!take_one(stream)) return;
  char* const at = stream.event(kWritten, static_cast<uint8_t>(operand << 1), static_cast<uint16_t>(size),
                                instruction, 8 + 2 * size);
  std::memcpy(at, &before.address, 8);
  std::memcpy(at + 8, before.bytes, size);
  bool good = before.readable;
  if (after != nullptr)
    std::memcpy(at + 8 + size, after, size);
  else
    good = good && copy_memory(stream, at + 8 + size, before.address, size);
  if (__builtin_expect(good, 1)) return;
  ++stream.not_readable;
  stream.make_unreadable(at, 2 * size);
}

// It is given the address so that of a scatter only what was written is told.
VOID after_write(THREADID thread, UINT32 instruction, UINT32 operand, ADDRINT) {
  if (ThreadStream* const own = stream_of(thread)) record_write(*own, instruction, operand, nullptr);
}

// A call does not go on behind itself, but what it pushes is known.
VOID call_write(THREADID thread, UINT32 instruction, UINT32 operand, ADDRINT address, UINT32 size,
                ADDRINT pushed) {
  before_write(thread, operand, address, size);
  char bytes[ThreadStream::kMostBytes] = {};
  std::memcpy(bytes, &pushed, sizeof pushed);
  if (ThreadStream* const own = stream_of(thread)) record_write(*own, instruction, operand, bytes);
}

VOID at_start() {
  if (events_left.load(std::memory_order_relaxed) != 0) active = true;
}

VOID at_stop() {
  if (!active) return;
  active = false;
  events_left.store(0, std::memory_order_relaxed);
}

// ---- instrumentation ----

std::string file_name(const std::string& path) {
  const size_t slash = path.rfind('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

// As isotach inspect understands image names: path, file name, "libc.so" for "libc.so.6".
bool is_named(const std::string& path, const std::string& wanted) {
  const std::string name = file_name(path);
  if (path == wanted || name == wanted) return true;
  const bool library = wanted.size() > 3 && wanted.compare(wanted.size() - 3, 3, ".so") == 0;
  return library && name.size() > wanted.size() && name.compare(0, wanted.size(), wanted) == 0 &&
         name[wanted.size()] == '.';
}

// The program may be known by the name of a link: sh, not dash.
std::string typed_name;

bool is_wanted(IMG img) {
  if (wanted_images.NumberOfValues() == 0) return true;
  if (!IMG_Valid(img)) return false;
  const auto known = image_is_wanted.find(IMG_Id(img));
  if (known != image_is_wanted.end()) return known->second;
  bool wanted = false;
  for (UINT32 i = 0; i < wanted_images.NumberOfValues(); ++i)
    wanted |= is_named(IMG_Name(img), wanted_images.Value(i)) ||
              (IMG_IsMainExecutable(img) && is_named(typed_name, wanted_images.Value(i)));
  return image_is_wanted[IMG_Id(img)] = wanted;
}

// By any of its names, or its C++ name without parameters.
bool is_routine_named(RTN rtn, const std::string& name) {
  if (!RTN_Valid(rtn)) return false;
  static std::map<std::pair<UINT32, std::string>, bool> known;
  const auto [place, is_new] = known.try_emplace({RTN_Id(rtn), name}, false);
  if (is_new) {
    const std::string& own = RTN_Name(rtn);
    place->second = own == name || PIN_UndecorateSymbolName(own, UNDECORATION_NAME_ONLY) == name ||
                    RTN_FindByName(SEC_Img(RTN_Sec(rtn)), name.c_str()) == rtn;
  }
  return place->second;
}

bool is_wanted(RTN rtn) {
  if (wanted_routines.NumberOfValues() == 0) return true;
  for (UINT32 i = 0; i < wanted_routines.NumberOfValues(); ++i)
    if (is_routine_named(rtn, wanted_routines.Value(i))) return true;
  return false;
}

UINT32 number_of(IMG img) {
  if (!IMG_Valid(img)) return 0;
  const auto [place, is_new] = image_numbers.try_emplace(IMG_Id(img), image_count + 1);
  if (is_new) {
    std::string record;
    put(record, ++image_count);
    put<uint64_t>(record, IMG_LowAddress(img));
    put<uint64_t>(record, IMG_HighAddress(img) + 1);
    put<uint64_t>(record, static_cast<uint64_t>(IMG_LoadOffset(img)));
    put_text(record, IMG_Name(img));
    output.describe(kImages, record);
  }
  return place->second;
}

// Functions without names are told apart by where they are.
std::string shown_name(RTN rtn, SEC sec) {
  const std::string& name = RTN_Name(rtn);
  if (!RTN_IsArtificial(rtn) || name != SEC_Name(sec) || RTN_Address(rtn) == SEC_Address(sec))
    return PIN_UndecorateSymbolName(name, UNDECORATION_NAME_ONLY);
  char offset[32];
  std::snprintf(offset, sizeof offset, "+%#lx",
                static_cast<unsigned long>(RTN_Address(rtn) - SEC_Address(sec)));
  return name + offset;
}

UINT32 number_of(RTN rtn) {
  if (!RTN_Valid(rtn)) return 0;
  const auto [place, is_new] = routine_numbers.try_emplace(RTN_Id(rtn), routine_count + 1);
  if (is_new) {
    const SEC sec = RTN_Sec(rtn);
    const UINT32 image = number_of(SEC_Img(sec));
    std::string record;
    put(record, ++routine_count);
    put(record, image);
    put<uint64_t>(record, RTN_Address(rtn));
    put<uint64_t>(record, RTN_Size(rtn));
    put_text(record, SEC_Name(sec));
    put_text(record, shown_name(rtn, sec));
    output.describe(kRoutines, record);
  }
  return place->second;
}

std::string section_name(IMG img, RTN rtn, ADDRINT address) {
  if (RTN_Valid(rtn)) return SEC_Name(RTN_Sec(rtn));
  if (!IMG_Valid(img)) return std::string();
  for (SEC sec = IMG_SecHead(img); SEC_Valid(sec); sec = SEC_Next(sec))
    if (SEC_Mapped(sec) && address - SEC_Address(sec) < SEC_Size(sec)) return SEC_Name(sec);
  return std::string();
}

// The number of an instruction; described at its first translation, and again where its bytes have changed.
UINT32 describe(INS ins, IMG img, RTN rtn) {
  const ADDRINT address = INS_Address(ins);
  KnownInstruction now{0, static_cast<UINT8>(INS_Size(ins)), {}};
  PIN_SafeCopy(now.bytes, reinterpret_cast<const VOID*>(address), now.size);
  KnownInstruction& known = known_instructions[address];
  if (known.number != 0 && known.size == now.size && std::memcmp(known.bytes, now.bytes, now.size) == 0)
    return known.number;
  now.number = ++instruction_count;
  known = now;
  const UINT32 image = number_of(img), routine = number_of(rtn);
  std::string record;
  put(record, now.number);
  put(record, image);
  put(record, routine);
  put<uint64_t>(record, address);
  put(record, now.size);
  const UINT32 operands = INS_MemoryOperandCount(ins);
  put(record, static_cast<uint8_t>(operands));
  for (UINT32 i = 0; i < operands; ++i) {
    const bool read = INS_MemoryOperandIsRead(ins, i), written = INS_MemoryOperandIsWritten(ins, i);
    put(record, static_cast<uint8_t>((read ? 1 : 0) | (written ? 2 : 0)));
    put(record, static_cast<uint16_t>(INS_MemoryOperandSize(ins, i)));
  }
  put_text(record, section_name(img, rtn, address));
  put_text(record, INS_Disassemble(ins));
  output.describe(kInstructions, record);
  return now.number;
}

void insert_boundary(INS ins, RTN rtn) {
  if (!RTN_Valid(rtn) || INS_Address(ins) != RTN_Address(rtn)) return;
  const auto insert = [&](AFUNPTR routine) {
    INS_InsertCall(ins, IPOINT_BEFORE, routine, IARG_CALL_ORDER, CALL_ORDER_FIRST, IARG_END);
  };
  if (!start_routine.Value().empty() && is_routine_named(rtn, start_routine.Value()))
    insert(reinterpret_cast<AFUNPTR>(at_start));
  if (!stop_routine.Value().empty() && is_routine_named(rtn, stop_routine.Value()))
    insert(reinterpret_cast<AFUNPTR>(at_stop));
}

void insert_reads(INS ins, UINT32 number) {
  for (UINT32 i = 0; i < INS_MemoryOperandCount(ins); ++i) {
    if (!INS_MemoryOperandIsRead(ins, i)) continue;
    INS_InsertPredicatedCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_read), IARG_THREAD_ID,
                             IARG_UINT32, number, IARG_UINT32, i, IARG_MEMORYOP_EA, i, IARG_MEMORYOP_SIZE, i,
                             IARG_END);
  }
}

void insert_writes(INS ins, UINT32 number) {
  const bool goes_on = INS_IsValidForIpointAfter(ins);
  const UINT32 count = std::min<UINT32>(INS_MemoryOperandCount(ins), ThreadStream::kMostOperands);
  for (UINT32 i = 0; i < count; ++i) {
    if (!INS_MemoryOperandIsWritten(ins, i)) continue;
    if (goes_on) {
      INS_InsertPredicatedCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(before_write), IARG_THREAD_ID,
                               IARG_UINT32, i, IARG_MEMORYOP_EA, i, IARG_MEMORYOP_SIZE, i, IARG_END);
      INS_InsertPredicatedCall(ins, IPOINT_AFTER, reinterpret_cast<AFUNPTR>(after_write), IARG_THREAD_ID,
                               IARG_UINT32, number, IARG_UINT32, i, IARG_MEMORYOP_EA, i, IARG_END);
    } else if (INS_IsCall(ins)) {
      INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(call_write), IARG_THREAD_ID, IARG_UINT32,
                     number, IARG_UINT32, i, IARG_MEMORYOP_EA, i, IARG_MEMORYOP_SIZE, i, IARG_ADDRINT,
                     INS_Address(ins) + INS_Size(ins), IARG_END);
    }
  }
}

VOID instrument(INS ins, VOID*) {
  if (!output.is_open()) return;
  const RTN rtn = INS_Rtn(ins);
  insert_boundary(ins, rtn);
  const IMG img = RTN_Valid(rtn) ? SEC_Img(RTN_Sec(rtn)) : IMG_FindByAddress(INS_Address(ins));
  if (!is_wanted(img) || !is_wanted(rtn)) return;
  const UINT32 number = describe(ins, img, rtn);
  if (sample.Value() > 1)
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_counted), IARG_FAST_ANALYSIS_CALL,
                   IARG_THREAD_ID, IARG_END);
  if (with_instructions.Value())
    INS_InsertCall(ins, IPOINT_BEFORE, reinterpret_cast<AFUNPTR>(on_executed), IARG_FAST_ANALYSIS_CALL,
                   IARG_THREAD_ID, IARG_UINT32, number, IARG_END);
  // The elements of gathers and scatters have addresses of their own.
  if (INS_HasScatteredMemoryAccess(ins)) return;
  if (with_reads.Value()) insert_reads(ins, number);
  if (with_writes.Value()) insert_writes(ins, number);
}

// ---- the program ----

VOID image_loaded(IMG img, VOID*) {
  number_of(img);
}

VOID image_unloaded(IMG img, VOID*) {
  const ADDRINT low = IMG_LowAddress(img), high = IMG_HighAddress(img);
  for (auto one = known_instructions.begin(); one != known_instructions.end();)
    one = one->first >= low && one->first <= high ? known_instructions.erase(one) : std::next(one);
}

VOID thread_started(THREADID thread, CONTEXT*, INT32, VOID*) {
  if (thread >= kMostThreads) return;
  // Its number may have been another thread's, which has ended and given its events away.
  delete streams[thread];
  streams[thread] = new ThreadStream(output, thread);
  std::string record;
  put<uint32_t>(record, PIN_GetTid());
  output.frame(kThreadStart, thread, 1, record);
}

UINT64 instructions_of_ended = 0, not_recorded_of_ended = 0, not_readable_of_ended = 0;

VOID thread_ended(THREADID thread, const CONTEXT*, INT32, VOID*) {
  if (stream_of(thread) == nullptr) return;
  ThreadStream& stream = *streams[thread];
  stream.flush();
  std::string record;
  put<uint32_t>(record, PIN_GetTid());
  output.frame(kThreadEnd, thread, 1, record);
  __atomic_fetch_add(&instructions_of_ended, stream.instructions, __ATOMIC_RELAXED);
  __atomic_fetch_add(&not_recorded_of_ended, stream.not_recorded, __ATOMIC_RELAXED);
  __atomic_fetch_add(&not_readable_of_ended, stream.not_readable, __ATOMIC_RELAXED);
  stream.instructions = stream.not_recorded = stream.not_readable = 0;
}

bool may_wait(ADDRINT number) {
  switch (number) {
    case 7:    // poll
    case 23:   // select
    case 34:   // pause
    case 35:   // nanosleep
    case 61:   // wait4
    case 62:   // kill
    case 130:  // rt_sigsuspend
    case 200:  // tkill
    case 202:  // futex
    case 230:  // clock_nanosleep
    case 232:  // epoll_wait
    case 234:  // tgkill
    case 247:  // waitid
    case 270:  // pselect6
    case 271:  // ppoll
    case 281:  // epoll_pwait
      return true;
    default:
      return false;
  }
}

VOID before_system_call(THREADID thread, CONTEXT* context, SYSCALL_STANDARD standard, VOID*) {
  constexpr ADDRINT kMmap = 9, kMprotect = 10, kMunmap = 11, kBrk = 12, kMremap = 25, kMadvise = 28,
                    kShmdt = 67;
  const ADDRINT number = PIN_GetSyscallNumber(context, standard);
  if (number == kMmap || number == kMprotect || number == kMunmap || number == kBrk || number == kMremap ||
      number == kMadvise || number == kShmdt)
    mapping_epoch.fetch_add(1, std::memory_order_relaxed);
  ThreadStream* const own = stream_of(thread);
  if (own == nullptr) return;
  // Who waits may wait for a signal that ends it, and with it what was not written.
  if (may_wait(number))
    own->flush();
  else
    own->pause();
}

VOID in_child(THREADID, const CONTEXT*, VOID*) {
  if (own_memory_mark != nullptr && *own_memory_mark != 0) return;
  // Its events would come between those of its parent.
  active = false;
  output.give_up();
  for (ThreadStream* const stream : streams)
    if (stream != nullptr) stream->forget();
}

void write_regions() {
  std::ifstream maps("/proc/self/maps");
  std::string line, payload;
  uint32_t count = 0;
  while (std::getline(maps, line)) {
    unsigned long long low = 0, high = 0;
    int name_at = 0;
    if (std::sscanf(line.c_str(), "%llx-%llx %*s %*s %*s %*s %n", &low, &high, &name_at) < 2) continue;
    std::string record;
    put<uint64_t>(record, low);
    put<uint64_t>(record, high);
    put_text(record, name_at > 0 && static_cast<size_t>(name_at) < line.size() ? line.substr(name_at) : "");
    payload += record;
    ++count;
  }
  output.frame(kRegions, 0, count, payload);
}

VOID finished(INT32 code, VOID*) {
  if (!output.is_open()) return;
  UINT64 instructions = instructions_of_ended, not_recorded = not_recorded_of_ended,
         not_readable = not_readable_of_ended;
  for (ThreadStream* const stream : streams) {
    if (stream == nullptr) continue;
    stream->flush();
    instructions += stream->instructions;
    not_recorded += stream->not_recorded;
    not_readable += stream->not_readable;
  }
  write_regions();
  std::string record;
  put<int32_t>(record, code);
  put<uint64_t>(record, instructions);
  put<uint64_t>(record, not_recorded);
  put<uint64_t>(record, not_readable);
  output.frame(kEnd, 0, 1, record);
}

std::vector<std::string> program_command() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  std::string word;
  while (std::getline(file, word, '\0')) words.push_back(word);
  return words;
}

bool read_ranges() {
  for (UINT32 i = 0; i < wanted_addresses.NumberOfValues(); ++i) {
    Range range{};
    char* end = nullptr;
    const std::string text = wanted_addresses.Value(i);
    range.low = std::strtoull(text.c_str(), &end, 16);
    if (*end != '-') return false;
    range.high = std::strtoull(end + 1, &end, 16);
    if (*end != '\0' || range.high <= range.low) return false;
    ranges.push_back(range);
  }
  return true;
}

int start(int argc, char** argv) {
  PIN_InitSymbols();
  if (PIN_Init(argc, argv)) return 2;
  if (!read_ranges()) {
    std::fprintf(stderr, "inspect: -address wants LOW-HIGH, hexadecimal\n");
    return 2;
  }
  const std::vector<std::string> command = program_command();
  if (!command.empty()) typed_name = command.front();
  output.init();
  if (!output.open(output_file.Value())) {
    std::fprintf(stderr, "inspect: cannot create %s: %s\n", output_file.Value().c_str(),
                 std::strerror(errno));
    return 1;
  }
  output.head(
      (with_instructions.Value() ? 1 : 0) | (with_reads.Value() ? 2 : 0) | (with_writes.Value() ? 4 : 0),
      static_cast<uint32_t>(std::max<UINT64>(1, sample.Value())), command);
  event_limit = limit.Value();
  if (event_limit != 0) events_left = event_limit;
  burst_period = kBurst * std::max<UINT64>(1, sample.Value());
  active = start_routine.Value().empty();
  void* const page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (page != MAP_FAILED && madvise(page, kPageBytes, MADV_WIPEONFORK) == 0) {
    own_memory_mark = static_cast<volatile char*>(page);
    *own_memory_mark = 1;
  }
  IMG_AddInstrumentFunction(image_loaded, nullptr);
  IMG_AddUnloadFunction(image_unloaded, nullptr);
  INS_AddInstrumentFunction(instrument, nullptr);
  PIN_AddThreadStartFunction(thread_started, nullptr);
  PIN_AddThreadFiniFunction(thread_ended, nullptr);
  PIN_AddSyscallEntryFunction(before_system_call, nullptr);
  PIN_AddForkFunction(FPOINT_AFTER_IN_CHILD, in_child, nullptr);
  PIN_AddFiniFunction(finished, nullptr);
  PIN_StartProgram();
}

}  // namespace
}  // namespace inspect

int main(int argc, char** argv) {
  return inspect::start(argc, argv);
}
