// The forms of instructions that Zydis can decode and encode, found by walking the opcode maps, and random
// instructions of a form. A form is a mnemonic with the kinds and sizes of its operands in one encoding.
//
// Sources: Intel SDM volume 2 (encoding of prefixes, VEX, EVEX), AMD64 APM volume 3 (XOP).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace test {

// splitmix64.
class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t next() {
    uint64_t z = (state_ += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
  }
  uint32_t below(uint32_t limit) { return static_cast<uint32_t>(next() % limit); }
  bool one_in(uint32_t count) { return below(count) == 0; }

 private:
  uint64_t state_;
};

enum class Encoding : uint8_t { legacy, vex, xop, evex };

// What is fixed of a form; all else of an instruction is chosen anew each time.
struct Form {
  Encoding encoding = Encoding::legacy;
  uint8_t map = 0;     // legacy: 0, 1 (0F), 2 (0F38), 3 (0F3A); else the number in the prefix
  uint8_t prefix = 0;  // mandatory or size prefix: 0, 66, F3, F2
  uint8_t opcode = 0;
  bool wide = false;   // W
  uint8_t length = 0;  // vector length: 0 128, 1 256, 2 512
  bool has_modrm = false;
  bool memory = false;  // mod is not 3
  int8_t group = -1;    // the reg field, where it selects the instruction
  int8_t low = -1;      // the rm field, where it selects the instruction too
  bool broadcast = false;
};

// Where random instructions may point to.
struct Target {
  uint64_t code = 0;    // address where the instruction will stand
  uint64_t window = 0;  // memory that may be read and written, below 2 GiB
  uint32_t window_size = 0;
};

// One instruction, and what it wants of the registers so that it does something useful.
struct Sample {
  uint8_t bytes[15] = {};
  uint8_t size = 0;
  int8_t base = -1, index = -1;  // general registers of its memory operand
  int8_t vector_index = -1;      // register of a gather or scatter
  bool repeated = false;         // rep prefix: wants a small rcx
  bool string = false;
  bool branch = false;  // wants addresses that are some, if not mapped
};

std::vector<Form> find_forms();
// Whether the decoder takes it, and it is none that cannot be run here (see excluded()).
bool make_sample(const Form& form, Random& random, const Target& target, Sample& sample);
std::string disassemble(const Sample& sample, uint64_t address);
uint16_t mnemonic_of(const Sample& sample);
const char* name_of_mnemonic(uint16_t mnemonic);
// Mnemonics that are left out on purpose, with the reason.
std::vector<std::pair<std::string, std::string>> excluded();
// Mnemonics that the encoder knows and no form has.
std::vector<std::string> mnemonics_without_form(const std::vector<Form>& forms);

}  // namespace test
