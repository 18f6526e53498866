#include "engine/loader/source_lines.h"

#include <dlfcn.h>
#include <elfutils/libdwfl.h>
#include <fcntl.h>
#include <unistd.h>

#include <map>

namespace isotach::dbi {
namespace {

// The few functions of libdw that are used, looked up by name.
struct Library {
  decltype(&dwfl_begin) begin = nullptr;
  decltype(&dwfl_report_offline) report_offline = nullptr;
  decltype(&dwfl_report_end) report_end = nullptr;
  decltype(&dwfl_module_getdwarf) module_getdwarf = nullptr;
  decltype(&dwfl_module_getsrc) module_getsrc = nullptr;
  decltype(&dwfl_lineinfo) lineinfo = nullptr;
  decltype(&dwfl_offline_section_address) offline_section_address = nullptr;
  bool usable = false;

  Library() {
    void* const handle = dlopen("libdw.so.1", RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return;
    usable = look_up(handle, "dwfl_begin", begin) && look_up(handle, "dwfl_report_offline", report_offline) &&
             look_up(handle, "dwfl_report_end", report_end) &&
             look_up(handle, "dwfl_module_getdwarf", module_getdwarf) &&
             look_up(handle, "dwfl_module_getsrc", module_getsrc) &&
             look_up(handle, "dwfl_lineinfo", lineinfo) &&
             look_up(handle, "dwfl_offline_section_address", offline_section_address);
  }

 private:
  template <class Function>
  static bool look_up(void* handle, const char* name, Function& function) {
    function = reinterpret_cast<Function>(dlsym(handle, name));
    return function != nullptr;
  }
};

// The engine has found the right file already; libdw must not look for others, least of all in the network.
int find_no_debuginfo(Dwfl_Module*, void**, const char*, Dwarf_Addr, const char*, const char*, GElf_Word,
                      char**) {
  return -1;
}

struct Session {
  Dwfl_Module* module = nullptr;
  Dwarf_Addr bias = 0;
};

Session open_session(const Library& library, const std::string& file) {
  static Dwfl_Callbacks callbacks{};
  callbacks.find_debuginfo = find_no_debuginfo;
  callbacks.section_address = library.offline_section_address;
  Session session;
  const int fd = ::open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return session;
  Dwfl* const all = library.begin(&callbacks);
  if (all == nullptr) {
    ::close(fd);
    return session;
  }
  // Takes the descriptor over when it succeeds.
  Dwfl_Module* const module = library.report_offline(all, "image", file.c_str(), fd);
  library.report_end(all, nullptr, nullptr);
  if (module == nullptr) {
    ::close(fd);
    return session;
  }
  if (library.module_getdwarf(module, &session.bias) != nullptr) session.module = module;
  return session;
}

const Library& library() {
  static const Library the_one;
  return the_one;
}

// With a null module where there is no debug information.
const Session& session_of(Image& image) {
  static const Session none;
  static std::map<int32_t, Session> sessions;
  if (!library().usable || image.debug_file().empty()) return none;
  const auto known = sessions.find(image.number);
  if (known != sessions.end()) return known->second;
  return sessions.emplace(image.number, open_session(library(), image.debug_file())).first->second;
}

}  // namespace

bool has_source_lines(Image& image) {
  return session_of(image).module != nullptr;
}

bool source_line(Image& image, uint64_t address, SourceLine& line) {
  const Session& session = session_of(image);
  if (session.module == nullptr) return false;
  Dwfl_Line* const found =
      library().module_getsrc(session.module, address - image.load_offset + session.bias);
  if (found == nullptr) return false;
  int number = 0, column = 0;
  const char* const file = library().lineinfo(found, nullptr, &number, &column, nullptr, nullptr);
  if (file == nullptr || number <= 0) return false;
  line = {file, number, column};
  return true;
}

}  // namespace isotach::dbi
