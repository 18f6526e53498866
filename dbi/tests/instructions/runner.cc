// Runs random instructions from random states and prints a digest of the state that each leaves, so that a
// native run and one under an engine can be compared.
//
//   runner [--seed S] [--from N] [--count N] [--length L] [--show]
//          [--without-flags-of-faults]
//
// Sample i depends on the seed and i alone. With length 1 the forms are taken in turn; with more, sequences
// of L random instructions. --show prints for each sample its instructions and the state before and behind
// it. --without-flags-of-faults: the status flags that a handler of a fault would see do not count.
// Everything lies at fixed addresses. --missing lists mnemonics that no form has, and those left out on
// purpose.
#include <immintrin.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <string>

#include "forms.h"

namespace {

using test::Form;
using test::Random;
using test::Sample;
using test::Target;

constexpr uint64_t kWindow = 0x10000000, kExits = 0x2f000000, kCode = 0x30000000;
constexpr uint32_t kWindowSize = 32768, kSlot = 256;
constexpr unsigned kComponents = 0xe7;  // x87, SSE, AVX, and the three of AVX-512
constexpr size_t kStateSize = 4096;

// One state of the processor. The order of the registers is that of their numbers.
struct State {
  uint64_t registers[16], flags, fs_base, gs_base;
  alignas(64) uint8_t extended[kStateSize];
};

struct Outcome {
  State state;
  int signal, code, trap, error;
  uint64_t address, pc;
};

}  // namespace

extern "C" {
State state_in;
State state_out;
alignas(64) uint8_t state_clean[kStateSize];
uint64_t saved_rsp, saved_fs, code_address;
uint32_t component_mask;
void run_sample();
void sample_exit();
void sample_fault_exit();
}

asm(R"(
  .text
  .p2align 4
run_sample:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, saved_rsp(%rip)
  rdfsbase %rax
  mov %rax, saved_fs(%rip)
  mov component_mask(%rip), %eax
  xor %edx, %edx
  xrstor64 state_in+192(%rip)
  mov state_in+136(%rip), %rax
  wrfsbase %rax
  mov state_in+144(%rip), %rax
  wrgsbase %rax
  pushq state_in+128(%rip)
  popfq
  mov state_in+0(%rip), %rax
  mov state_in+8(%rip), %rcx
  mov state_in+16(%rip), %rdx
  mov state_in+24(%rip), %rbx
  mov state_in+32(%rip), %rsp
  mov state_in+40(%rip), %rbp
  mov state_in+48(%rip), %rsi
  mov state_in+56(%rip), %rdi
  mov state_in+64(%rip), %r8
  mov state_in+72(%rip), %r9
  mov state_in+80(%rip), %r10
  mov state_in+88(%rip), %r11
  mov state_in+96(%rip), %r12
  mov state_in+104(%rip), %r13
  mov state_in+112(%rip), %r14
  mov state_in+120(%rip), %r15
  jmp *code_address(%rip)
sample_exit:
  mov %rax, state_out+0(%rip)
  mov %rcx, state_out+8(%rip)
  mov %rdx, state_out+16(%rip)
  mov %rbx, state_out+24(%rip)
  mov %rsp, state_out+32(%rip)
  mov %rbp, state_out+40(%rip)
  mov %rsi, state_out+48(%rip)
  mov %rdi, state_out+56(%rip)
  mov %r8, state_out+64(%rip)
  mov %r9, state_out+72(%rip)
  mov %r10, state_out+80(%rip)
  mov %r11, state_out+88(%rip)
  mov %r12, state_out+96(%rip)
  mov %r13, state_out+104(%rip)
  mov %r14, state_out+112(%rip)
  mov %r15, state_out+120(%rip)
  mov saved_rsp(%rip), %rsp
  pushfq
  popq state_out+128(%rip)
  pushq $0x202
  popfq
  mov component_mask(%rip), %eax
  xor %edx, %edx
  xsave64 state_out+192(%rip)
sample_fault_exit:
  mov component_mask(%rip), %eax
  xor %edx, %edx
  xrstor64 state_clean(%rip)
  mov saved_fs(%rip), %rax
  wrfsbase %rax
  xor %eax, %eax
  wrgsbase %rax
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
)");

namespace {

static_assert(offsetof(State, extended) == 192 && offsetof(State, flags) == 128);

Outcome outcome;
bool in_sample;
bool ignores_flags_of_faults;

// Runs with the program's own fs base pointing somewhere else: nothing here may use thread storage.
void on_signal(int signal, siginfo_t* information, void* pointer) {
  auto* context = static_cast<ucontext_t*>(pointer);
  auto* r = context->uc_mcontext.gregs;
  if (!in_sample) _exit(90);
  if (outcome.signal == 0) {
    outcome.signal = signal;
    outcome.code = information->si_code;
    outcome.trap = static_cast<int>(r[REG_TRAPNO]);
    outcome.error = static_cast<int>(r[REG_ERR]);
    outcome.address = reinterpret_cast<uint64_t>(information->si_addr);
    outcome.pc = static_cast<uint64_t>(r[REG_RIP]);
    const int order[16] = {REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
                           REG_R8,  REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15};
    for (int i = 0; i < 16; ++i) state_out.registers[i] = static_cast<uint64_t>(r[order[i]]);
    state_out.flags = static_cast<uint64_t>(r[REG_EFL]);
    if (ignores_flags_of_faults) state_out.flags &= ~uint64_t{0x8d5};
    const auto* frame = reinterpret_cast<const uint8_t*>(context->uc_mcontext.fpregs);
    uint32_t magic = 0, size = 512;
    __builtin_memcpy(&magic, frame + 464, 4);
    if (magic == 0x46505853) __builtin_memcpy(&size, frame + 480, 4);
    if (size > kStateSize) size = kStateSize;
    for (uint32_t i = 0; i < size; ++i) state_out.extended[i] = frame[i];
  }
  r[REG_RIP] = reinterpret_cast<greg_t>(&sample_fault_exit);
  r[REG_RSP] = static_cast<greg_t>(saved_rsp);
  r[REG_EFL] = 0x202;
}

struct Component {
  const char* name;
  unsigned number;
  uint32_t offset, size;
};
Component components[] = {{"ymm", 2, 0, 0}, {"mask", 5, 0, 0}, {"zmm", 6, 0, 0}, {"zmm16", 7, 0, 0}};

void find_components() {
  uint32_t low = 0, high = 0;
  asm volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  component_mask = low & kComponents;
  for (Component& component : components) {
    if ((low >> component.number & 1) == 0) continue;
    uint32_t a = 0xd, b = 0, c = component.number, d = 0;
    asm volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
    component.size = a;
    component.offset = b;
  }
}

// What depends on where code lies: the pointers of the x87 unit, and bytes that the kernel uses in frames.
void remove_pointers(uint8_t* extended) {
  memset(extended + 6, 0, 18);  // last opcode, instruction and data pointers
  memset(extended + 28, 0, 4);  // mask of mxcsr
  memset(extended + 416, 0, 96 + 64);
  // x87 registers have ten bytes of sixteen.
  for (int i = 0; i < 8; ++i) memset(extended + 32 + 16 * i + 10, 0, 6);
}

uint64_t mix(uint64_t digest, const void* data, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(data);
  for (size_t i = 0; i + 8 <= size; i += 8) {
    uint64_t word;
    memcpy(&word, bytes + i, 8);
    digest = (digest ^ word) * 0x9fb21c651e98df25;
    digest ^= digest >> 29;
  }
  return digest;
}

std::vector<Form> forms;

struct Test {
  std::vector<Sample> samples;
  uint64_t seed = 0;
};

Test make_test(uint64_t seed, uint64_t number, unsigned length, uint64_t address) {
  Test test;
  Random random(seed * 0x1000003 + number * 0x9e3779b1 + length);
  test.seed = random.next();
  for (unsigned i = 0; i < length; ++i) {
    Sample sample;
    bool made = false;
    for (int attempt = 0; attempt < 20 && !made; ++attempt) {
      const Form& form = length == 1 && attempt == 0
                             ? forms[number % forms.size()]
                             : forms[random.below(static_cast<uint32_t>(forms.size()))];
      made = make_sample(form, random, Target{address, kWindow, kWindowSize}, sample);
      // A branch would be the end of the sequence.
      if (length > 1 && sample.branch) made = false;
    }
    test.samples.push_back(sample);
    address += sample.size;
  }
  return test;
}

uint64_t pointer_into_window(Random& random) {
  uint64_t offset = kWindowSize / 4 + random.below(kWindowSize / 2);
  if (random.one_in(2)) offset &= ~63ull;
  return kWindow + offset;
}

// An address that is none makes a branch fault before it is done: engines see it behind, and tell it so.
constexpr uint64_t kCanonical = (1ull << 47) - 1;
bool has_branch(const Test& test) {
  for (const Sample& sample : test.samples)
    if (sample.branch) return true;
  return false;
}

void make_state(const Test& test) {
  Random random(test.seed);
  memset(&state_in, 0, sizeof state_in);
  for (uint64_t& value : state_in.registers) {
    const uint32_t kind = random.below(10);
    value = kind < 5 ? pointer_into_window(random) : kind < 8 ? random.below(64) : random.next();
  }
  // rsp, rbp, rsi, rdi: addresses by nature.
  for (int number : {4, 5, 6, 7}) state_in.registers[number] = pointer_into_window(random);
  for (const Sample& sample : test.samples) {
    if (sample.index >= 0) state_in.registers[sample.index] = random.below(64);
    if (sample.base >= 0) state_in.registers[sample.base] = pointer_into_window(random);
    if (sample.repeated) state_in.registers[1] = random.below(40);
  }
  if (has_branch(test)) {
    for (uint64_t& value : state_in.registers) value &= kCanonical;
  }
  state_in.flags = 0x202 | (random.next() & 0x8d5) | (random.one_in(4) ? 0x400 : 0);
  state_in.fs_base = kWindow + (random.below(64) << 6);
  state_in.gs_base = kWindow + (random.below(64) << 6);
  uint8_t* extended = state_in.extended;
  for (size_t i = 0; i < kStateSize; i += 8) {
    uint64_t value = random.next();
    const uint32_t kind = random.below(4);
    if (kind == 0) value &= 0x0000000f0000000f;
    if (kind == 1) {  // floating-point numbers of ordinary size
      const float numbers[2] = {static_cast<float>(static_cast<int32_t>(value)) / 65536,
                                static_cast<float>(static_cast<int32_t>(value >> 32)) / 65536};
      memcpy(&value, numbers, 8);
    }
    if (kind == 2) {
      const double number = static_cast<double>(static_cast<int64_t>(value)) / 4294967296.0;
      memcpy(&value, &number, 8);
    }
    memcpy(extended + i, &value, 8);
  }
  const auto put = [&](size_t at, auto value) { memcpy(extended + at, &value, sizeof value); };
  put(0, static_cast<uint16_t>(0x37f));
  put(2, static_cast<uint16_t>(random.below(8) << 11 | (random.next() & 0x4700)));
  put(4, static_cast<uint16_t>(random.next() & 0xff));
  memset(extended + 6, 0, 18);
  put(24, static_cast<uint32_t>(0x1f80 | (random.below(4) << 13) | (random.one_in(8) ? 0x8040 : 0)));
  if (random.one_in(16)) put(24, static_cast<uint32_t>(0x1f80 & ~(0x80u << random.below(6))));
  // x87 registers: mostly proper numbers.
  for (int i = 0; i < 8; ++i) {
    if (random.one_in(4)) continue;
    put(32 + 16 * static_cast<size_t>(i), random.next() | 1ull << 63);
    put(40 + 16 * static_cast<size_t>(i), static_cast<uint16_t>(0x3fff + random.below(60) - 30));
  }
  memset(extended + 416, 0, 96);
  memset(extended + 512, 0, 64);
  put(512, static_cast<uint64_t>(component_mask));
  for (const Sample& sample : test.samples) {
    if (sample.vector_index < 0) continue;
    // Small indexes, in both sizes.
    const auto number = static_cast<size_t>(sample.vector_index);
    for (int i = 0; i < 4; ++i)
      put(160 + 16 * number + 4 * static_cast<size_t>(i), i % 2 != 0 ? 0u : random.below(64));
    for (const Component& component : components) {
      if (component.number == 5 || component.number == 7 || component.size == 0) continue;
      const size_t width = component.number == 2 ? 16 : 32;
      for (size_t i = 0; i < width / 4; ++i)
        put(component.offset + width * number + 4 * i, i % 2 != 0 ? 0u : random.below(64));
    }
  }
}

uint8_t* const window = reinterpret_cast<uint8_t*>(kWindow);

void fill_window(const Test& test) {
  Random random(test.seed ^ 0x5555);
  // A word anywhere in it must be an address then.
  const uint64_t bits = has_branch(test) ? 0 : ~0ull;
  for (uint32_t i = 0; i < kWindowSize; i += 8) {
    const uint64_t value = random.next() & bits;
    memcpy(window + i, &value, 8);
  }
}

// A signal's pc in words that do not depend on where this program lies.
uint64_t place_of(uint64_t pc, uint64_t slot) {
  if (outcome.signal == 0) return 0;
  const uint64_t behind = pc - reinterpret_cast<uint64_t>(&sample_exit);
  return behind < 512 ? behind + 1000 : pc - slot;
}

uint64_t address_of_fault(uint64_t slot) {
  return outcome.address == outcome.pc ? place_of(outcome.pc, slot) : outcome.address;
}

uint64_t run_test(const Test& test, uint64_t slot) {
  make_state(test);
  fill_window(test);
  outcome = {};
  memset(&state_out, 0, sizeof state_out);
  code_address = slot;
  in_sample = true;
  run_sample();
  in_sample = false;
  remove_pointers(state_out.extended);
  uint64_t digest = mix(1, state_out.registers, sizeof state_out.registers + 8);
  digest = mix(digest, state_out.extended, 416);
  for (const Component& component : components)
    digest = mix(digest, state_out.extended + component.offset, component.size);
  digest = mix(digest, window, kWindowSize);
  const uint64_t rest[] = {static_cast<uint64_t>(outcome.signal),
                           static_cast<uint64_t>(outcome.code),
                           static_cast<uint64_t>(outcome.trap),
                           static_cast<uint64_t>(outcome.error),
                           address_of_fault(slot),
                           place_of(outcome.pc, slot)};
  return mix(digest, rest, sizeof rest);
}

void show_bytes(const char* name, const uint8_t* bytes, size_t size) {
  printf("  %s ", name);
  for (size_t i = 0; i < size; ++i) printf("%02x", bytes[i]);
  printf("\n");
}

void show_state(const State& state) {
  const char* names[] = {"rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi",
                         "r8",  "r9",  "r10", "r11", "r12", "r13", "r14", "r15"};
  for (int i = 0; i < 16; ++i) printf("  %s %016lx\n", names[i], state.registers[i]);
  printf("  flags %lx\n", state.flags);
  uint32_t mxcsr;
  memcpy(&mxcsr, state.extended + 24, 4);
  printf("  mxcsr %x\n", mxcsr);
  show_bytes("x87 control", state.extended, 6);
  for (size_t i = 0; i < 8; ++i)
    show_bytes(("st" + std::to_string(i)).c_str(), state.extended + 32 + 16 * i, 10);
  for (size_t i = 0; i < 16; ++i)
    show_bytes(("xmm" + std::to_string(i)).c_str(), state.extended + 160 + 16 * i, 16);
  for (const Component& component : components) {
    const size_t count = component.number == 5 ? 8 : 16;
    for (size_t i = 0; component.size != 0 && i < count; ++i)
      show_bytes((component.name + std::to_string(i)).c_str(),
                 state.extended + component.offset + component.size / count * i, component.size / count);
  }
}

void show(const Test& test, uint64_t slot) {
  uint64_t address = slot;
  for (const Sample& sample : test.samples) {
    printf(" ");
    for (int i = 0; i < sample.size; ++i) printf(" %02x", sample.bytes[i]);
    printf("   %s\n", test::disassemble(sample, address).c_str());
    address += sample.size;
  }
  printf(" before:\n");
  show_state(state_in);
  printf(" after:\n");
  if (outcome.signal != 0)
    printf("  signal %d code %d trap %d error %d address %lx pc +%lx\n", outcome.signal, outcome.code,
           outcome.trap, outcome.error, address_of_fault(slot), place_of(outcome.pc, slot));
  show_state(state_out);
  static uint8_t before[kWindowSize];
  memcpy(before, window, kWindowSize);
  fill_window(test);
  for (uint32_t i = 0; i < kWindowSize; i += 8) {
    if (memcmp(before + i, window + i, 8) == 0) continue;
    printf("  [%lx]", kWindow + i);
    show_bytes("", before + i, 8);
  }
}

void* map_at(uint64_t address, size_t size, int protection) {
  void* at = mmap(reinterpret_cast<void*>(address), size, protection,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != reinterpret_cast<void*>(address)) {
    fprintf(stderr, "runner: no memory at %lx\n", address);
    exit(3);
  }
  return at;
}

}  // namespace

int main(int count, char** words) {
  uint64_t seed = 1, from = 0, number = 0;
  unsigned length = 1;
  bool showing = false, missing = false;
  for (int i = 1; i < count; ++i) {
    const std::string word = words[i];
    const auto value = [&] { return i + 1 < count ? strtoull(words[++i], nullptr, 0) : 0; };
    if (word == "--seed")
      seed = value();
    else if (word == "--from")
      from = value();
    else if (word == "--count")
      number = value();
    else if (word == "--length")
      length = static_cast<unsigned>(value());
    else if (word == "--show")
      showing = true;
    else if (word == "--without-flags-of-faults")
      ignores_flags_of_faults = true;
    else if (word == "--missing")
      missing = true;
    else
      return 2;
  }
  if (length < 1 || length > 15) return 2;
  forms = test::find_forms();
  if (missing) {
    for (const std::string& name : test::mnemonics_without_form(forms)) printf("no form: %s\n", name.c_str());
    for (const auto& [name, reason] : test::excluded())
      printf("left out: %s: %s\n", name.c_str(), reason.c_str());
  }
  if (number == 0) number = forms.size();
  setvbuf(stdout, nullptr, _IOLBF, 65536);
  printf("%zu forms, seed %lu, length %u\n", forms.size(), seed, length);

  find_components();
  asm volatile("xsave64 %0" : "=m"(state_clean) : "a"(component_mask), "d"(0) : "memory");
  map_at(kWindow, kWindowSize, PROT_READ | PROT_WRITE);
  auto* exits = static_cast<uint64_t*>(map_at(kExits, 4096, PROT_READ | PROT_WRITE));
  exits[0] = reinterpret_cast<uint64_t>(&sample_exit);
  auto* code = static_cast<uint8_t*>(map_at(kCode, number * kSlot, PROT_READ | PROT_WRITE));
  memset(code, 0xcc, number * kSlot);
  std::vector<Test> tests;
  for (uint64_t i = 0; i < number; ++i) {
    tests.push_back(make_test(seed, from + i, length, kCode + i * kSlot));
    uint8_t* at = code + i * kSlot;
    for (const Sample& sample : tests.back().samples) {
      memcpy(at, sample.bytes, sample.size);
      at += sample.size;
    }
    // jmp *exit
    const auto displacement = static_cast<int32_t>(kExits - (reinterpret_cast<uint64_t>(at) + 6));
    at[0] = 0xff;
    at[1] = 0x25;
    memcpy(at + 2, &displacement, 4);
  }
  mprotect(code, number * kSlot, PROT_READ | PROT_EXEC);

  stack_t stack{};
  stack.ss_size = 65536;
  stack.ss_sp = malloc(stack.ss_size);
  sigaltstack(&stack, nullptr);
  struct sigaction action {};
  action.sa_sigaction = on_signal;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
  for (int signal : {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP}) sigaction(signal, &action, nullptr);

  for (uint64_t i = 0; i < number; ++i) {
    const uint64_t slot = kCode + i * kSlot;
    const uint64_t digest = run_test(tests[i], slot);
    printf("%lu %016lx\n", from + i, digest);
    if (showing) show(tests[i], slot);
  }
  fflush(stdout);
  return 0;
}
