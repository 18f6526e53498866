#include "launcher/private_program.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

extern char** environ;

namespace isotach::dbi {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kStackSize = 8 << 20;
constexpr uint64_t kArgumentArea = 64 << 10;  // at the top of the stack: strings, vectors

// The private libraries must use no register that the program may have live and that is not saved on entry
// to the engine: nothing above SSE2. AVX registers then keep the program's upper halves in the hardware.
// rseq stays unregistered: there is one area a kernel thread, and that one is the program's.
constexpr const char* kPrivateEnvironment[] = {
    "GLIBC_TUNABLES=glibc.pthread.rseq=0:glibc.cpu.hwcaps=-AVX,-AVX2,-AVX512F,-AVX512VL,-AVX512BW,-AVX512DQ,"
    "-AVX512CD,-FMA,-FMA4,-F16C,-AVX_Fast_Unaligned_Load,-Prefer_PMINUB_for_stringop",
    "LD_BIND_NOW=1",
};

uint64_t page_up(uint64_t value) {
  return (value + kPage - 1) & ~(kPage - 1);
}

struct LoaderFile {
  Elf64_Ehdr header{};
  std::vector<Elf64_Phdr> segments;
  uint64_t span = 0;
};

bool read_loader(const std::string& path, LoaderFile& file) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return false;
  bool good = pread(descriptor, &file.header, sizeof file.header, 0) == sizeof file.header &&
              !memcmp(file.header.e_ident, ELFMAG, SELFMAG) && file.header.e_type == ET_DYN &&
              file.header.e_phnum && file.header.e_phnum < 100;
  if (good) {
    file.segments.resize(file.header.e_phnum);
    const size_t size = sizeof(Elf64_Phdr) * file.header.e_phnum;
    good = pread(descriptor, file.segments.data(), size, static_cast<off_t>(file.header.e_phoff)) ==
           static_cast<ssize_t>(size);
  }
  close(descriptor);
  for (const Elf64_Phdr& segment : file.segments)
    if (segment.p_type == PT_LOAD)
      file.span = std::max(file.span, page_up(segment.p_vaddr + segment.p_memsz));
  if (!good || !file.span) errno = ENOEXEC;
  return good && file.span;
}

// Maps the loader as the kernel maps an interpreter.
uint64_t map_loader(Tracee& tracee, const LoaderFile& file, uint64_t path) {
  const char* what = "map the dynamic loader";
  const uint64_t base =
      tracee.must(what, SYS_mmap, 0, file.span, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, ~0ull, 0);
  const uint64_t descriptor = tracee.must("open the dynamic loader", SYS_openat,
                                          static_cast<uint64_t>(AT_FDCWD), path, O_RDONLY | O_CLOEXEC, 0);
  for (const Elf64_Phdr& segment : file.segments) {
    if (segment.p_type != PT_LOAD || !tracee.ok()) continue;
    const uint64_t lead = segment.p_vaddr % kPage;
    const uint64_t start = base + segment.p_vaddr - lead;
    const uint64_t protection = ((segment.p_flags & PF_R) ? PROT_READ : 0) |
                                ((segment.p_flags & PF_W) ? PROT_WRITE : 0) |
                                ((segment.p_flags & PF_X) ? PROT_EXEC : 0);
    tracee.must(what, SYS_mmap, start, segment.p_filesz + lead, protection, MAP_PRIVATE | MAP_FIXED,
                descriptor, segment.p_offset - lead);
    if (segment.p_memsz == segment.p_filesz) continue;
    // All of the last page is cleared, not only .bss: the loader's first allocations come from its rest.
    const uint64_t data_end = base + segment.p_vaddr + segment.p_filesz;
    const std::vector<char> zeros(page_up(data_end) - data_end);
    if (segment.p_flags & PF_W) tracee.write(data_end, zeros.data(), zeros.size());
    const uint64_t end = page_up(base + segment.p_vaddr + segment.p_memsz);
    if (end > page_up(data_end))
      tracee.must(what, SYS_mmap, page_up(data_end), end - page_up(data_end), protection,
                  MAP_PRIVATE | MAP_FIXED | MAP_ANONYMOUS, ~0ull, 0);
  }
  if (tracee.ok()) tracee.call(SYS_close, descriptor);
  return base;
}

// A block of memory that is filled here and then written there in one piece.
class Block {
 public:
  explicit Block(uint64_t address) : address_(address) {}

  uint64_t add(const void* data, size_t size) {
    const uint64_t at = address_ + bytes_.size();
    bytes_.append(static_cast<const char*>(data), size);
    return at;
  }
  uint64_t add(const std::string& text) { return add(text.c_str(), text.size() + 1); }
  uint64_t add(const std::vector<uint64_t>& words) {
    align();
    return add(words.data(), words.size() * sizeof(uint64_t));
  }
  void align() { bytes_.resize((bytes_.size() + 15) / 16 * 16); }
  [[nodiscard]] size_t size() const { return bytes_.size(); }
  [[nodiscard]] const char* data() const { return bytes_.data(); }

 private:
  uint64_t address_;
  std::string bytes_;
};

std::vector<uint64_t> auxiliary_vector(int process) {
  std::vector<uint64_t> words;
  const std::string path = "/proc/" + std::to_string(process) + "/auxv";
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor >= 0) {
    uint64_t pair[2];
    while (words.size() < 200 && read(descriptor, pair, sizeof pair) == sizeof pair && pair[0] != AT_NULL)
      words.insert(words.end(), {pair[0], pair[1]});
    close(descriptor);
  }
  return words;
}

// The strings at the end of the stack, then below them what the kernel leaves for a new program: argc, argv,
// environment, auxiliary vector. Returns the stack pointer.
uint64_t make_stack(Tracee& tracee, const Kit& kit, const LoaderFile& file, uint64_t loader, uint64_t top,
                    uint64_t handover) {
  const uint64_t low = top - kArgumentArea;
  Block strings(low + kArgumentArea / 2);
  char address[32];
  snprintf(address, sizeof address, "%lx", static_cast<unsigned long>(handover));
  std::vector<uint64_t> words = {3, strings.add(kit.loader), strings.add(kit.runtime), strings.add(address),
                                 0};
  for (const char* variable : kPrivateEnvironment) words.push_back(strings.add(variable));
  words.push_back(0);

  uint8_t random[16];
  if (getrandom(random, sizeof random, 0) != sizeof random) tracee.fail("get random bytes");
  std::vector<uint64_t> auxiliary = auxiliary_vector(tracee.process());
  if (auxiliary.empty()) tracee.fail_with(ENOENT, "read its auxiliary vector: /proc must be mounted");
  for (size_t i = 0; i + 1 < auxiliary.size(); i += 2) {
    uint64_t& value = auxiliary[i + 1];
    switch (auxiliary[i]) {
      case AT_PHDR:
        value = loader + file.header.e_phoff;
        break;
      case AT_PHNUM:
        value = file.header.e_phnum;
        break;
      case AT_PHENT:
        value = file.header.e_phentsize;
        break;
      case AT_ENTRY:
        value = loader + file.header.e_entry;
        break;
      case AT_BASE:
        value = 0;
        break;
      case AT_SECURE:
        value = 0;
        break;
      case AT_EXECFN:
        value = strings.add(kit.loader);
        break;
      case AT_RANDOM:
        value = strings.add(random, sizeof random);
        break;
      case AT_PLATFORM:
      case 24: {  // AT_BASE_PLATFORM: a string of the program's stack, which the program may overwrite
        char name[64] = {};
        for (size_t n = 0; value && n + 1 < sizeof name; n++) {
          tracee.read(value + n, name + n, 1);
          if (!name[n]) break;
        }
        if (value) value = strings.add(name);
        break;
      }
      default:
        break;
    }
  }
  words.insert(words.end(), auxiliary.begin(), auxiliary.end());
  words.insert(words.end(), {AT_NULL, 0});

  const uint64_t pointer = (low + kArgumentArea / 2 - words.size() * sizeof(uint64_t)) & ~15ull;
  if (words.size() * sizeof(uint64_t) > kArgumentArea / 2 || strings.size() > kArgumentArea / 2)
    tracee.fail_with(E2BIG, "make a stack in it");
  tracee.write(low + kArgumentArea / 2, strings.data(), strings.size());
  tracee.write(pointer, words.data(), words.size() * sizeof(uint64_t));
  return pointer;
}

uint64_t add_pointers(Block& block, const std::vector<std::string>& texts) {
  std::vector<uint64_t> pointers;
  pointers.reserve(texts.size() + 1);
  for (const std::string& text : texts) pointers.push_back(block.add(text));
  pointers.push_back(0);
  return block.add(pointers);
}

// All that follows the Handover itself, its addresses counted from `address`.
Block handover_contents(uint64_t address, const Kit& kit, const std::vector<std::string>& arguments,
                        const std::vector<StoppedThread>& threads, Handover& handover) {
  Block block(address + sizeof(Handover));
  std::vector<std::string> environment;
  for (char** variable = environ; *variable; variable++) environment.emplace_back(*variable);
  handover.argument_count = static_cast<uint32_t>(arguments.size());
  handover.arguments = add_pointers(block, arguments);
  handover.environment = add_pointers(block, environment);
  handover.kit = block.add(kit.folder);
  block.align();
  handover.thread_count = threads.size();
  handover.threads = block.add(threads.data(), threads.size() * sizeof(StoppedThread));
  return block;
}

}  // namespace

Entry place_private_program(Tracee& tracee, const Kit& kit, const std::vector<std::string>& arguments,
                            const std::vector<StoppedThread>& threads, Handover& handover) {
  Entry entry;
  LoaderFile file;
  if (!read_loader(kit.loader, file)) {
    tracee.fail("read " + kit.loader);
    return entry;
  }
  // One mapping: a guard page, the stack, the handover.
  const size_t contents_size = handover_contents(0, kit, arguments, threads, handover).size();
  handover.magic = kHandoverMagic;
  handover.size = page_up(sizeof(Handover) + contents_size);
  const uint64_t low =
      tracee.must("map memory", SYS_mmap, 0, kPage + kStackSize + handover.size, PROT_READ | PROT_WRITE,
                  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, ~0ull, 0);
  tracee.must("protect memory", SYS_mprotect, low, kPage, PROT_NONE);
  handover.stack_low = low;
  handover.stack_high = low + kPage + kStackSize;
  entry.handover = handover.stack_high;

  const uint64_t path = handover.stack_high - kPage;
  tracee.write(path, kit.loader.c_str(), kit.loader.size() + 1);
  const uint64_t loader = map_loader(tracee, file, path);
  handover.loader_low = loader;
  handover.loader_high = loader + file.span;
  if (!tracee.ok()) return entry;
  entry.rip = loader + file.header.e_entry;
  entry.rsp = make_stack(tracee, kit, file, loader, handover.stack_high, entry.handover);

  const Block contents = handover_contents(entry.handover, kit, arguments, threads, handover);
  tracee.write(entry.handover, &handover, sizeof handover);
  tracee.write(entry.handover + sizeof handover, contents.data(), contents.size());
  return entry;
}

uint64_t auxiliary_value(int process, uint64_t type) {
  const std::vector<uint64_t> words = auxiliary_vector(process);
  for (size_t i = 0; i + 1 < words.size(); i += 2)
    if (words[i] == type) return words[i + 1];
  return 0;
}

}  // namespace isotach::dbi
