// Images of this test program and of the system's files, and files damaged in every way that matters.
#include <dlfcn.h>
#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <string>

#include "engine/loader/demangle.h"
#include "engine/loader/images.h"
#include "engine/loader/process_maps.h"
#include "engine/loader/source_lines.h"

namespace isotach::dbi {
namespace {

uint64_t address_of(const void* at) {
  return reinterpret_cast<uint64_t>(at);
}

// Not inlined and not merged, so that its symbol is there.
extern "C" __attribute__((noinline, noclone)) int loader_test_marker(int value) {
  asm volatile("");
  return value + 1;
}

std::vector<uint8_t> file_bytes(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

class LoaderTest : public testing::Test {
 protected:
  LoaderTest() {
    all.symbols_wanted = true;
    all.on_load = [this](Image& image) { loaded.emplace_back(image.short_name()); };
    all.on_unload = [this](Image& image) { unloaded.emplace_back(image.short_name()); };
  }
  Images all;
  std::vector<std::string> loaded, unloaded;
};

TEST_F(LoaderTest, FindsTheProgramThenItsInterpreter) {
  all.start(getauxval(AT_ENTRY), getauxval(AT_BASE));
  ASSERT_EQ(all.all().size(), 2u);
  Image& main = *all.all()[0];
  EXPECT_TRUE(main.is_main);
  EXPECT_EQ(main.type, ImageType::executable);
  EXPECT_EQ(main.entry, getauxval(AT_ENTRY));
  EXPECT_EQ(all.main_image(), &main);
  EXPECT_EQ(all.all()[1]->load_offset, getauxval(AT_BASE));
  EXPECT_EQ(all.all()[1]->type, ImageType::shared_library);
  EXPECT_EQ(loaded[1], "ld-linux-x86-64.so.2");
  EXPECT_EQ(all.find(address_of(reinterpret_cast<void*>(&loader_test_marker))), &main);
}

TEST_F(LoaderTest, KnowsItsOwnFunctions) {
  all.start(getauxval(AT_ENTRY), 0);
  const uint64_t marker = address_of(reinterpret_cast<void*>(&loader_test_marker));
  Routine* const routine = all.routine_at(marker + 1);
  ASSERT_NE(routine, nullptr);
  EXPECT_STREQ(routine->name, "loader_test_marker");
  EXPECT_EQ(routine->address, marker);
  EXPECT_EQ(routine->section->name, ".text");
  EXPECT_EQ(all.main_image()->routine_named("loader_test_marker"), routine);
  for (int i = 0; i < 10; ++i) EXPECT_NE(all.main_image()->routine_named("main"), nullptr);
  EXPECT_EQ(all.main_image()->routine_named("no_such_function"), nullptr);
  EXPECT_EQ(all.routine(routine->number), routine);
}

TEST_F(LoaderTest, NamesFunctionsOfLibcAsTheLinkerDoes) {
  Image* const libc = all.at(address_of(dlsym(RTLD_DEFAULT, "getpid")));
  ASSERT_NE(libc, nullptr);
  EXPECT_EQ(libc->short_name(), "libc.so.6");
  EXPECT_EQ(all.at(address_of(dlsym(RTLD_DEFAULT, "getpid"))), libc);
  EXPECT_EQ(loaded.size(), 1u);
  size_t compared = 0;
  for (Routine* const routine : libc->routines()) {
    if (!routine->dynamic || routine->resolver) continue;
    Dl_info info{};
    ASSERT_NE(dladdr(reinterpret_cast<void*>(routine->address), &info), 0);
    if (info.dli_sname == nullptr) continue;
    std::vector<std::string> names(routine->aliases.begin(), routine->aliases.end());
    names.emplace_back(routine->name);
    EXPECT_NE(std::find(names.begin(), names.end(), info.dli_sname), names.end())
        << routine->name << " is called " << info.dli_sname;
    EXPECT_EQ(address_of(info.dli_saddr), routine->address);
    ++compared;
  }
  EXPECT_GT(compared, 1000u);
  Routine* const malloc_routine = libc->routine_named("malloc");
  ASSERT_NE(malloc_routine, nullptr);
  EXPECT_EQ(libc->routine_named("__libc_malloc"), malloc_routine);
  EXPECT_STREQ(malloc_routine->name, "malloc");
}

TEST_F(LoaderTest, RoutinesCoverCodeInOrderWithoutOverlap) {
  for (const char* const name : {"/bin/true", "/usr/bin/python3", "/lib/x86_64-linux-gnu/libc.so.6"}) {
    Image* const image = all.open_file(name);
    ASSERT_NE(image, nullptr) << name;
    const std::vector<Routine*>& routines = image->routines();
    ASSERT_GT(routines.size(), 3u) << name;
    for (size_t i = 0; i < routines.size(); ++i) {
      EXPECT_GT(routines[i]->size, 0u);
      EXPECT_TRUE(routines[i]->section->holds(routines[i]->address));
      if (i > 0) {
        EXPECT_LE(routines[i - 1]->address + routines[i - 1]->size, routines[i]->address);
      }
    }
    EXPECT_NE(image->routine_at(image->entry), nullptr) << name;
  }
}

TEST_F(LoaderTest, NamesStubsAndWhatHasNoSymbol) {
  Image* const stripped = all.open_file("/bin/true");
  ASSERT_NE(stripped, nullptr);
  size_t stubs = 0;
  for (Routine* const routine : stripped->routines())
    stubs += std::string_view(routine->name).find("@plt") != std::string_view::npos ? 1 : 0;
  EXPECT_GT(stubs, 10u);
  EXPECT_NE(stripped->routine_named("abort@plt"), nullptr);
  EXPECT_STREQ(stripped->routine_at(stripped->entry)->name, "unnamedImageEntryPoint");
  EXPECT_NE(stripped->routine_named(".text"), nullptr);
  EXPECT_NE(stripped->routine_named(".init"), nullptr);
  // Its functions have lost their names, but not their bounds.
  size_t nameless = 0;
  for (Routine* const routine : stripped->routines())
    nameless += routine->artificial && std::string_view(routine->name) == ".text" ? 1 : 0;
  EXPECT_GT(nameless, 20u);
}

TEST_F(LoaderTest, WithoutSymbolsThereAreSectionsOnly) {
  all.symbols_wanted = false;
  all.start(getauxval(AT_ENTRY), 0);
  EXPECT_TRUE(all.main_image()->routines().empty());
  EXPECT_TRUE(all.main_image()->symbols().empty());
  ImageSection* const text = all.main_image()->section_at(getauxval(AT_ENTRY));
  ASSERT_NE(text, nullptr);
  EXPECT_EQ(text->name, ".text");
  EXPECT_EQ(all.section(text->number), text);
}

TEST_F(LoaderTest, SymbolsHaveValuesOfTheFileAndAddressesOfMemory) {
  all.start(getauxval(AT_ENTRY), 0);
  Image& main = *all.main_image();
  const ImageSymbol* marker = nullptr;
  for (ImageSymbol& one : main.symbols())
    if (std::string_view(one.name) == "loader_test_marker") marker = &one;
  ASSERT_NE(marker, nullptr);
  EXPECT_EQ(marker->value + main.load_offset, marker->address);
  EXPECT_EQ(all.symbol(marker->number), marker);
  EXPECT_EQ(all.symbol(0), nullptr);
  EXPECT_EQ(all.symbol(0x7fffffff), nullptr);
}

TEST_F(LoaderTest, ReadsTheVdsoFromMemory) {
  const uint64_t header = getauxval(AT_SYSINFO_EHDR);
  if (header == 0) GTEST_SKIP() << "this kernel gives no vdso";
  Image* const vdso = all.at(header + 0x100);
  ASSERT_NE(vdso, nullptr);
  EXPECT_EQ(vdso->type, ImageType::vdso);
  EXPECT_EQ(vdso->name, "[vdso]");
  EXPECT_NE(vdso->routine_named("__vdso_clock_gettime"), nullptr);
}

// A program under the engine must get the descriptors that it gets without it.
TEST_F(LoaderTest, KeepsNoFileOpen) {
  const int before = open("/dev/null", O_RDONLY);
  close(before);
  all.start(getauxval(AT_ENTRY), getauxval(AT_BASE));
  Image* const libc = all.at(address_of(dlsym(RTLD_DEFAULT, "getpid")));
  for (Image* const image : {all.main_image(), libc}) {
    EXPECT_GT(image->routines().size(), 10u);
    EXPECT_GT(image->symbols().size(), 10u);
    EXPECT_EQ(image->build_id().size(), 40u);
    static_cast<void>(image->control_flow_features());
    static_cast<void>(image->debug_file());
    const int now = open("/dev/null", O_RDONLY);
    EXPECT_EQ(now, before);
    close(now);
  }
}

TEST_F(LoaderTest, CodeOfNoImageIsAskedAboutOnce) {
  void* const page = mmap(nullptr, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(page, MAP_FAILED);
  EXPECT_EQ(all.at(address_of(page)), nullptr);
  EXPECT_EQ(all.at(address_of(page) + 5), nullptr);
  EXPECT_TRUE(loaded.empty());
  munmap(page, 4096);
  EXPECT_EQ(all.at(0), nullptr);
}

TEST_F(LoaderTest, UnloadingIsNoticedByItsCode) {
  void* const library = dlopen("libutil.so.1", RTLD_NOW);
  if (library == nullptr) GTEST_SKIP() << "there is no libutil.so.1";
  Image* const image = all.at(address_of(dlsym(RTLD_DEFAULT, "getpid")));
  ASSERT_NE(image, nullptr);
  // A page of its data, as a dynamic linker changes it: it stays.
  for (const Image::Region& region : image->regions)
    if ((region.flags & PF_X) == 0) all.forget(region.low, region.low + 1);
  EXPECT_TRUE(image->loaded);
  EXPECT_EQ(all.find(image->low), image);
  all.forget(image->low, image->high);
  EXPECT_FALSE(image->loaded);
  EXPECT_EQ(all.find(image->low), nullptr);
  EXPECT_EQ(unloaded, std::vector<std::string>{"libc.so.6"});
  // Still mapped, in truth: it is found again, as another image.
  Image* const again = all.at(address_of(dlsym(RTLD_DEFAULT, "getpid")));
  ASSERT_NE(again, nullptr);
  EXPECT_NE(again->number, image->number);
  all.end();
  EXPECT_EQ(unloaded.size(), 2u);
  dlclose(library);
}

// A copy of a library, mapped as a dynamic linker would, whose file has gone or was replaced.
class VanishedTest : public LoaderTest {
 protected:
  void map_copy_and(const std::function<void(const std::string&)>& spoil) {
    char name[] = "/tmp/loader_test_XXXXXX";
    const int fd = mkstemp(name);
    ASSERT_GE(fd, 0);
    const std::vector<uint8_t> bytes = file_bytes("/lib/x86_64-linux-gnu/libm.so.6");
    ASSERT_EQ(write(fd, bytes.data(), bytes.size()), static_cast<ssize_t>(bytes.size()));
    close(fd);
    void* const library = dlopen(name, RTLD_NOW);
    spoil(name);
    ASSERT_NE(library, nullptr);
    void* const cosine = dlsym(library, "csin");
    Image* const image = all.at(address_of(cosine));
    ASSERT_NE(image, nullptr);
    EXPECT_EQ(image->name, name);
    Routine* const routine = image->routine_at(address_of(cosine));
    ASSERT_NE(routine, nullptr);
    EXPECT_EQ(image->routine_named("csin"), routine);
    dlclose(library);
    unlink(name);
  }
};

TEST_F(VanishedTest, ADeletedFileIsReadFromMemory) {
  map_copy_and([](const std::string& name) { unlink(name.c_str()); });
}

TEST_F(VanishedTest, AReplacedFileIsReadFromMemory) {
  map_copy_and([](const std::string& name) {
    unlink(name.c_str());
    std::ofstream(name) << "another file";
  });
}

TEST(ElfReader, RefusesWhatIsNoImage) {
  EXPECT_EQ(ElfReader::open(nullptr), nullptr);
  EXPECT_EQ(ElfReader::open(open_file_source("/no/such/file")), nullptr);
  EXPECT_EQ(ElfReader::open(open_file_source("/")), nullptr);
  EXPECT_EQ(ElfReader::open(open_file_source("/dev/null")), nullptr);
  EXPECT_EQ(ElfReader::open(open_file_source("/etc/passwd")), nullptr);
}

// Each prefix, and each byte of the headers set to the extremes, must be read without harm.
TEST(ElfReader, SurvivesDamage) {
  const std::vector<uint8_t> whole = file_bytes("/bin/true");
  const auto look_at = [](const std::vector<uint8_t>& bytes) {
    Images all;
    all.symbols_wanted = true;
    auto image =
        read_image(all, ElfReader::open(memory_source(bytes.data(), bytes.size())), "damaged", 0, false);
    if (image == nullptr) return;
    for (Routine* const routine : image->routines()) ASSERT_GT(routine->size, 0u);
    for (ImageSymbol& symbol : image->symbols()) ASSERT_NE(symbol.name[0], '\0');
    static_cast<void>(image->build_id());
  };
  for (size_t size = 0; size < whole.size(); size += 61)
    look_at(std::vector<uint8_t>(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size)));
  const auto header = reinterpret_cast<const Elf64_Ehdr*>(whole.data());
  std::vector<size_t> places;
  for (size_t i = 0; i < sizeof *header + header->e_phnum * sizeof(Elf64_Phdr); ++i) places.push_back(i);
  for (size_t i = 0; i < header->e_shnum * sizeof(Elf64_Shdr); ++i) places.push_back(header->e_shoff + i);
  for (const size_t place : places) {
    constexpr uint8_t kExtremes[] = {0x00, 0x7f, 0xff};
    std::vector<uint8_t> damaged = whole;
    damaged[place] = kExtremes[place % 3];
    look_at(damaged);
  }
}

TEST(ElfReader, FindsWhatWasStrippedOff) {
  char folder[] = "/tmp/loader_test_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = folder;
  std::ofstream(path + "/t.c") << "int answer(void) { return 42; } int main(void) { return answer(); }\n";
  const std::string build = "cd " + path +
                            " && cc -g -O0 -o t t.c && objcopy --only-keep-debug t t.debug && strip t && "
                            "objcopy --add-gnu-debuglink=t.debug t";
  ASSERT_EQ(std::system(build.c_str()), 0);
  const auto elf = ElfReader::open(open_file_source(path + "/t"));
  ASSERT_NE(elf, nullptr);
  EXPECT_EQ(elf->build_id().size(), 40u);
  EXPECT_EQ(find_debug_file(*elf, path + "/t"), path + "/t.debug");
  Images all;
  all.symbols_wanted = true;
  Image* image = all.open_file(path + "/t");
  ASSERT_NE(image, nullptr);
  EXPECT_NE(image->routine_named("answer"), nullptr);
  // By build id it is found below the folder for such files.
  const std::string id = elf->build_id();
  const std::string by_id = "cd " + path + " && mkdir -p root/.build-id/" + id.substr(0, 2) +
                            " && mv t.debug root/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) +
                            ".debug";
  ASSERT_EQ(std::system(by_id.c_str()), 0);
  EXPECT_EQ(find_debug_file(*elf, path + "/t", path + "/root"),
            path + "/root/.build-id/" + id.substr(0, 2) + "/" + id.substr(2) + ".debug");
  // That of another build is not taken.
  std::ofstream(path + "/t.debug") << "something else";
  EXPECT_EQ(find_debug_file(*elf, path + "/t"), "");
  ASSERT_EQ(std::system(("rm -r " + path).c_str()), 0);
}

TEST_F(LoaderTest, KnowsTheLineOfAnAddress) {
  char folder[] = "/tmp/loader_test_XXXXXX";
  ASSERT_NE(mkdtemp(folder), nullptr);
  const std::string path = folder;
  std::ofstream(path + "/t.c")
      << "int answer(int x) {\n  return x + 42;\n}\n\nint main(void) {\n  return answer(1);\n}\n";
  const std::string build = "cd " + path +
                            " && cc -g -O0 -o t t.c && cp t plain && objcopy --only-keep-debug t t.debug && "
                            "strip t && objcopy --add-gnu-debuglink=t.debug t";
  ASSERT_EQ(std::system(build.c_str()), 0);
  for (const char* const name : {"/plain", "/t"}) {
    Image* const image = all.open_file(path + name);
    ASSERT_NE(image, nullptr);
    Routine* const answer = image->routine_named("answer");
    ASSERT_NE(answer, nullptr);
    SourceLine line;
    ASSERT_TRUE(source_line(*image, answer->address, line)) << name;
    EXPECT_EQ(line.file, path + "/t.c");
    EXPECT_EQ(line.line, 1);
    ASSERT_TRUE(source_line(*image, answer->address + answer->size - 1, line));
    EXPECT_EQ(line.line, 3);
    EXPECT_FALSE(source_line(*image, 0x1234567890, line));
  }
  Image* const bare = all.open_file("/bin/true");
  SourceLine line;
  EXPECT_FALSE(source_line(*bare, bare->entry, line));
  ASSERT_EQ(std::system(("rm -r " + path).c_str()), 0);
}

TEST(Demangle, GivesTheWholeOrTheName) {
  EXPECT_EQ(demangle("main"), "main");
  EXPECT_EQ(demangle("_Z"), "_Z");
  EXPECT_EQ(demangle("_Zgarbage"), "_Zgarbage");
  const auto name_of = [](const char* mangled) { return demangle(mangled, Demangling::name_only); };
  EXPECT_EQ(demangle("_ZN2ns1fEPKc"), "ns::f(char const*)");
  EXPECT_EQ(name_of("_ZN2ns1fEPKc"), "ns::f");
  EXPECT_EQ(demangle("_ZN2ns1fEPKc@plt"), "ns::f(char const*)@plt");
  EXPECT_EQ(name_of("_ZN2ns1fEPKc@@V1"), "ns::f@@V1");
  EXPECT_EQ(demangle("_ZN2ns1gIiEEvT_"), "void ns::g<int>(int)");
  EXPECT_EQ(name_of("_ZN2ns1gIiEEvT_"), "ns::g<int>");
  EXPECT_EQ(name_of("_ZNK1AclEi"), "A::operator()");
  EXPECT_EQ(name_of("_ZN1AlsEi"), "A::operator<<");
  EXPECT_EQ(name_of("_ZN1AcvPKcEv"), "A::operator char const*");
  EXPECT_EQ(name_of("_ZNK1A3getEv"), "A::get");
  EXPECT_EQ(name_of("_ZN12_GLOBAL__N_11fEPFvvE"), "(anonymous namespace)::f");
  EXPECT_EQ(name_of("_ZN12_GLOBAL__N_15valueE"), "(anonymous namespace)::value");
  EXPECT_EQ(name_of("_ZTV1A"), "vtable for A");
  EXPECT_EQ(name_of("_Z1fv.cold"), "f");
}

TEST(ProcessMaps, ReadsLines) {
  const auto one = parse_map_entry("7f00-8000 r-xp 00001000 fd:01 1234       /a\\012b c");
  ASSERT_TRUE(one);
  EXPECT_EQ(one->low, 0x7f00u);
  EXPECT_EQ(one->offset, 0x1000u);
  EXPECT_EQ(one->inode, 1234u);
  EXPECT_EQ(one->name, "/a\nb c");
  EXPECT_TRUE(one->executable);
  EXPECT_FALSE(one->writable);
  for (const char* const bad :
       {"", "-", "1-2", "2-1 r-xp 0 0:0 0", "1-2 r-x", "1-2 r-xp 0 0:0 x", "zz-1 r-xp 0 0:0 0"})
    EXPECT_FALSE(parse_map_entry(bad)) << bad;
}

TEST(ProcessMaps, OneMappingIsThatOfTheList) {
  for (const MapEntry& expected : read_maps()) {
    if (!expected.readable || expected.name == "[heap]" || expected.inode == 0) continue;
    const auto found = map_entry_at(expected.low);
    ASSERT_TRUE(found) << expected.name;
    EXPECT_EQ(found->low, expected.low);
    EXPECT_EQ(found->name, expected.name);
    EXPECT_EQ(found->offset, expected.offset);
    EXPECT_EQ(found->executable, expected.executable);
  }
}

}  // namespace
}  // namespace isotach::dbi
