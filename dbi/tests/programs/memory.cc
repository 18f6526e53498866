// Code that changes, and memory that comes and goes: what was translated must not outlive what it was made
// of.
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>

#include "case.h"
#include "signal_tools.h"

namespace {

using Word = uint64_t;
using Function = int (*)();

uint8_t* map_pages(size_t pages, int protection, void* at = nullptr) {
  const int flags = MAP_PRIVATE | MAP_ANONYMOUS | (at != nullptr ? MAP_FIXED : 0);
  void* result = mmap(at, pages * 4096, protection, flags, -1, 0);
  return result == MAP_FAILED ? nullptr : static_cast<uint8_t*>(result);
}

constexpr int kAll = PROT_READ | PROT_WRITE | PROT_EXEC;

// mov eax, value; ret
void write_function(uint8_t* at, int value) {
  at[0] = 0xb8;
  memcpy(at + 1, &value, 4);
  at[5] = 0xc3;
}

int call(const uint8_t* at) {
  return reinterpret_cast<Function>(reinterpret_cast<Word>(at))();
}

CASE(code_rewritten_in_place) {
  uint8_t* page = map_pages(1, kAll);
  for (int i = 0; i < 3000; ++i) {
    write_function(page, i);
    EXPECT_EQ(call(page), i);
  }
  munmap(page, 4096);
}

CASE(code_rewritten_by_an_immediate) {
  // Only the immediate changes, in a loop that runs much between the changes, as JIT compilers patch.
  uint8_t* page = map_pages(1, kAll);
  write_function(page, 0);
  Word sum = 0;
  for (int i = 0; i < 200; ++i) {
    memcpy(page + 1, &i, 4);
    for (int k = 0; k < 50; ++k) sum += static_cast<Word>(call(page));
  }
  EXPECT_EQ(sum, 50u * 199 * 200 / 2);
  munmap(page, 4096);
}

CASE(code_writes_its_own_page) {
  // The store and what it changes are in one page, even in one block.
  uint8_t* page = map_pages(1, kAll);
  const uint8_t code[] = {
      0xc6, 0x05, 0x01, 0, 0, 0, 42,  // movb $42, 1(%rip): the immediate of the next instruction
      0xb8, 1,    0,    0, 0,         // mov $1, %eax
      0xc3,
  };
  memcpy(page, code, sizeof code);
  EXPECT_EQ(call(page), 42);
  page[8] = 1;
  page[6] = 77;
  EXPECT_EQ(call(page), 77);
  for (int i = 0; i < 100; ++i) {
    page[6] = static_cast<uint8_t>(i);
    EXPECT_EQ(call(page), i);
  }
  munmap(page, 4096);
}

CASE(code_across_pages) {
  uint8_t* pages = map_pages(2, kAll);
  uint8_t* at = pages + 4096 - 3;
  for (int i = 0; i < 120; ++i) {
    write_function(at, i * 0x01010101);
    EXPECT_EQ(call(at), i * 0x01010101);
  }
  // Only the second page's part changes.
  for (int i = 0; i < 100; ++i) {
    pages[4096] = static_cast<uint8_t>(i);
    EXPECT_EQ((call(at) >> 16) & 0xff, i);
  }
  munmap(pages, 8192);
}

CASE(code_next_to_its_data) {
  // A counter in the page of the code that counts: correct, and fast enough to end.
  uint8_t* page = map_pages(1, kAll);
  const uint8_t code[] = {0xff, 0x05, 0xfa, 0, 0, 0, 0xff, 0xcf, 0x75, 0xf6, 0x8b, 0x05, 0xf0, 0, 0, 0, 0xc3};
  memcpy(page, code, sizeof code);  // 1: incl 0xfa(%rip); dec %edi; jnz 1b; mov 0xf0(%rip), %eax; ret
  auto function = reinterpret_cast<int (*)(int)>(page);
  EXPECT_EQ(function(100000), 100000);
  munmap(page, 4096);
}

CASE(write_or_execute_toggled) {
  uint8_t* page = map_pages(1, PROT_READ | PROT_WRITE);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(mprotect(page, 4096, PROT_READ | PROT_WRITE), 0);
    write_function(page, i);
    EXPECT_EQ(mprotect(page, 4096, PROT_READ | PROT_EXEC), 0);
    EXPECT_EQ(call(page), i);
  }
  munmap(page, 4096);
}

CASE(no_longer_executable) {
  uint8_t* page = map_pages(1, kAll);
  write_function(page, 3);
  EXPECT_EQ(call(page), 3);
  pid_t child = fork();
  if (child == 0) {
    test::restore_default(SIGSEGV);
    mprotect(page, 4096, PROT_READ | PROT_WRITE);
    _exit(call(page));
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT(WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV);
  munmap(page, 4096);
}

CASE(two_views_of_one_memory) {
  // Written through one mapping, executed through another.
  int file = memfd_create("code", 0);
  EXPECT_EQ(ftruncate(file, 4096), 0);
  auto* writable = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0));
  auto* executable = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0));
  for (int i = 0; i < 300; ++i) {
    write_function(writable, i);
    EXPECT_EQ(call(executable), i);
  }
  munmap(writable, 4096);
  munmap(executable, 4096);
  close(file);
}

CASE(address_reused) {
  uint8_t* page = map_pages(1, kAll);
  for (int i = 0; i < 300; ++i) {
    munmap(page, 4096);
    uint8_t* again = map_pages(1, kAll, page);
    EXPECT(again == page);
    write_function(page, i);
    EXPECT_EQ(call(page), i);
  }
  for (int i = 0; i < 100; ++i) {  // mapped over without munmap
    map_pages(1, kAll, page);
    write_function(page, 1000 + i);
    EXPECT_EQ(call(page), 1000 + i);
  }
  munmap(page, 4096);
}

CASE(code_moved) {
  uint8_t* page = map_pages(2, kAll);
  for (int i = 0; i < 100; ++i) {
    write_function(page, i);
    EXPECT_EQ(call(page), i);
    uint8_t* target = map_pages(2, PROT_NONE);
    void* moved = mremap(page, 8192, 8192, MREMAP_MAYMOVE | MREMAP_FIXED, target);
    EXPECT(moved == target);
    EXPECT_EQ(call(target), i);
    // What lies at the old address now is something else.
    uint8_t* old = map_pages(1, kAll, page);
    write_function(old, -i);
    EXPECT_EQ(call(old), -i);
    munmap(old, 4096);
    page = target;
  }
  munmap(page, 8192);
}

CASE(code_dropped_by_madvise) {
  uint8_t* page = map_pages(1, kAll);
  test::install(SIGSEGV, [](int, siginfo_t*, void*) { _exit(9); });
  write_function(page, 5);
  EXPECT_EQ(call(page), 5);
  pid_t child = fork();
  if (child == 0) {
    madvise(page, 4096, MADV_DONTNEED);
    // Now zeros: add %al, (%rax).
    static uint8_t target;
    target = 3;
    asm volatile("" ::: "memory");
    uint8_t first = page[0];
    _exit(first == 0 ? 7 : 8);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(WEXITSTATUS(status), 7);
  madvise(page, 4096, MADV_DONTNEED);
  write_function(page, 6);
  EXPECT_EQ(call(page), 6);
  munmap(page, 4096);
  test::restore_default(SIGSEGV);
}

CASE(code_written_by_the_kernel) {
  // read(2) and process_vm_writev(2) into code.
  uint8_t* page = map_pages(1, kAll);
  int ends[2];
  EXPECT_EQ(pipe(ends), 0);
  for (int i = 0; i < 100; ++i) {
    uint8_t bytes[6];
    write_function(bytes, i);
    if (i % 2 != 0) {
      EXPECT_EQ(write(ends[1], bytes, 6), 6);
      EXPECT_EQ(read(ends[0], page, 6), 6);
    } else {
      iovec local{bytes, 6}, remote{page, 6};
      EXPECT_EQ(process_vm_writev(getpid(), &local, 1, &remote, 1, 0), 6);
    }
    EXPECT_EQ(call(page), i);
  }
  close(ends[0]);
  close(ends[1]);
  munmap(page, 4096);
}

uint8_t* shared_page;
volatile int wanted, done;

CASE(code_written_by_another_thread) {
  shared_page = map_pages(1, kAll);
  wanted = done = 0;
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        for (int i = 1; i <= 300; ++i) {
          write_function(shared_page, i);
          __atomic_store_n(&wanted, i, __ATOMIC_SEQ_CST);
          while (__atomic_load_n(&done, __ATOMIC_SEQ_CST) != i) sched_yield();
        }
        return nullptr;
      },
      nullptr);
  for (int i = 1; i <= 300; ++i) {
    while (__atomic_load_n(&wanted, __ATOMIC_SEQ_CST) != i) sched_yield();
    asm volatile("cpuid" : : "a"(0) : "rbx", "rcx", "rdx", "memory");
    EXPECT_EQ(call(shared_page), i);
    __atomic_store_n(&done, i, __ATOMIC_SEQ_CST);
  }
  pthread_join(thread, nullptr);
  munmap(shared_page, 4096);
}

CASE(code_patched_while_it_runs) {
  // An aligned 8-byte store over running code, as JIT compilers do it: the loop must see it soon, and never a
  // mix.
  shared_page = map_pages(1, kAll);
  // mov $1, %eax; ret; padded to 8 and the caller loops
  write_function(shared_page, 1);
  done = 0;
  pthread_t thread;
  pthread_create(
      &thread, nullptr,
      [](void*) -> void* {
        int value;
        do {
          value = call(shared_page);
          if (value != 1 && value != 2) break;
        } while (value != 2);
        done = value;
        return nullptr;
      },
      nullptr);
  for (int i = 0; i < 100; ++i) sched_yield();
  uint8_t bytes[8] = {0xb8, 2, 0, 0, 0, 0xc3, 0x90, 0x90};
  Word word;
  memcpy(&word, bytes, 8);
  __atomic_store_n(reinterpret_cast<Word*>(shared_page), word, __ATOMIC_SEQ_CST);
  pthread_join(thread, nullptr);
  EXPECT_EQ(done, 2);
  munmap(shared_page, 4096);
}

CASE(much_code_made) {
  // Enough different code to make a bounded cache evict: each function is made, called, and made anew.
  constexpr int kPages = 64, kPerPage = 250;
  uint8_t* pages = map_pages(kPages, kAll);
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < kPages * kPerPage; ++i)
      write_function(pages + (i / kPerPage) * 4096 + (i % kPerPage) * 16, i + round);
    for (int i = 0; i < kPages * kPerPage; ++i)
      EXPECT_EQ(call(pages + (i / kPerPage) * 4096 + (i % kPerPage) * 16), i + round);
  }
  munmap(pages, kPages * 4096);
}

CASE(libraries_come_and_go) {
  const char* names[] = {"libm.so.6", "libresolv.so.2", "libz.so.1", "libutil.so.1"};
  int opened = 0;
  for (int i = 0; i < 40; ++i) {
    for (const char* name : names) {
      void* library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
      if (library == nullptr) continue;
      ++opened;
      if (strcmp(name, "libz.so.1") == 0) {
        auto* crc = reinterpret_cast<unsigned long (*)(unsigned long, const char*, unsigned)>(
            dlsym(library, "crc32"));
        EXPECT(crc != nullptr);
        if (crc != nullptr) EXPECT_EQ(crc(0, "123456789", 9), 0xcbf43926u);
      }
      dlclose(library);
    }
  }
  EXPECT(opened > 0);
}

CASE(stack_code) {
  // Code on a stack made executable, as nested functions of C have it.
  auto* stack = map_pages(16, kAll);
  auto make = [&](int depth) {
    uint8_t* at = stack + 65536 - 64 * (depth + 1);
    write_function(at, depth);
    return call(at);
  };
  for (int i = 0; i < 200; ++i) EXPECT_EQ(make(i % 100), i % 100);
  munmap(stack, 65536);
}

CASE(program_break) {
  void* start = sbrk(0);
  EXPECT(start != reinterpret_cast<void*>(-1));
  void* grown = sbrk(1 << 20);
  EXPECT(grown == start);
  memset(grown, 7, 1 << 20);
  EXPECT(sbrk(0) == static_cast<uint8_t*>(start) + (1 << 20));
  EXPECT_EQ(brk(start), 0);
  EXPECT(sbrk(0) == start);
  // The kernel's own answer to a break that cannot be: the old one.
  EXPECT_EQ(static_cast<Word>(syscall(SYS_brk, 16)), reinterpret_cast<Word>(start));
}

CASE(heap_follows_the_program) {
  // The break begins behind the program's own bss, and [heap] is named so.
  FILE* maps = fopen("/proc/self/maps", "r");
  char line[512];
  int heaps = 0, stacks = 0, vdsos = 0;
  (void)!malloc(1000);
  while (maps != nullptr && fgets(line, sizeof line, maps) != nullptr) {
    heaps += strstr(line, "[heap]") != nullptr;
    stacks += strstr(line, "[stack]") != nullptr;
    vdsos += strstr(line, "[vdso]") != nullptr;
  }
  if (maps != nullptr) fclose(maps);
  EXPECT_EQ(heaps, 1);
  EXPECT_EQ(stacks, 1);
  EXPECT_EQ(vdsos, 1);
}

CASE(guard_pages) {
  static volatile int hits;
  hits = 0;
  static uint8_t* pages;
  pages = map_pages(64, PROT_NONE);
  test::install(SIGSEGV, [](int, siginfo_t* information, void*) {
    hits = hits + 1;
    mprotect(reinterpret_cast<void*>(reinterpret_cast<Word>(information->si_addr) & ~0xfffull), 4096,
             PROT_READ | PROT_WRITE);
  });
  for (int i = 0; i < 64 * 4096; i += 512) pages[i] = static_cast<uint8_t>(i >> 9);
  EXPECT_EQ(hits, 64);
  Word sum = 0;
  for (int i = 0; i < 64 * 4096; i += 512) sum += pages[i];
  EXPECT_EQ(sum, 2u * (255 * 256 / 2));
  munmap(pages, 64 * 4096);
  test::restore_default(SIGSEGV);
}

CASE(executable_only_by_reading) {
  // Code that may be executed but lies in a file mapping that is replaced on disk.
  char name[] = "/tmp/code-XXXXXX";
  int file = mkstemp(name);
  uint8_t bytes[4096] = {};
  write_function(bytes, 1);
  EXPECT_EQ(write(file, bytes, sizeof bytes), static_cast<ssize_t>(sizeof bytes));
  auto* code = static_cast<uint8_t*>(mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_SHARED, file, 0));
  EXPECT_EQ(call(code), 1);
  write_function(bytes, 2);
  EXPECT_EQ(pwrite(file, bytes, sizeof bytes, 0), static_cast<ssize_t>(sizeof bytes));
  EXPECT_EQ(call(code), 2);
  unlink(name);
  close(file);
  munmap(code, 4096);
}

}  // namespace

TEST_MAIN()
