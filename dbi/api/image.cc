// IMG_*, SEC_*, SYM_*: handles are the numbers of engine/loader/images.h. A wrong handle is answered with the
// invalid one, 0 or an empty name, as tools expect of a chain that ends.
#include <elf.h>

#include <mutex>
#include <unordered_map>

#include "api/callbacks.h"
#include "api/images_api.h"
#include "api/instrument.h"
#include "engine/instrument/routine_requests.h"
#include "engine/loader/demangle.h"
#include "engine/loader/images.h"
#include "engine/loader/source_lines.h"
#include "pin.H"

using isotach::dbi::Image;
using isotach::dbi::images;
using isotach::dbi::ImageSection;
using isotach::dbi::ImageSymbol;
using isotach::dbi::ImageType;

namespace {

using Guard = std::lock_guard<isotach::dbi::RecursiveLock>;

Image* image_of(IMG img) {
  return images().image(img.q());
}
IMG handle_of(const Image* image) {
  return image == nullptr ? IMG_Invalid() : IMG(image->number);
}
SEC handle_of(const ImageSection* section) {
  return section == nullptr ? SEC_Invalid() : SEC(section->number);
}

const std::string& empty() {
  static const std::string* const text = new std::string;
  return *text;
}

// The API gives names as references to strings: made when they are asked for, and kept.
const std::string& kept(std::unordered_map<INT32, std::string>& names, INT32 number, std::string_view name) {
  const auto [place, is_new] = names.try_emplace(number);
  if (is_new) place->second = name;
  return place->second;
}

// The next image of the program in the order of loading.
IMG from(size_t index, bool forward) {
  const auto& all = images().all();
  for (; index < all.size(); forward ? ++index : --index)
    if (all[index]->loaded) return IMG(all[index]->number);
  return IMG_Invalid();
}

SEC_TYPE type_of(const ImageSection& section) {
  const std::string_view name = section.name;
  if (name.substr(0, 7) == ".debug_") return SEC_TYPE_DEBUG;
  if (name == ".comment") return SEC_TYPE_COMMENT;
  if (name == ".gcc_except_table") return SEC_TYPE_LSDA;
  if (name.substr(0, 4) == ".got") return SEC_TYPE_GOT;
  switch (section.type) {
    case SHT_SYMTAB:
      return SEC_TYPE_REGSYM;
    case SHT_DYNSYM:
      return SEC_TYPE_DYNSYM;
    case SHT_STRTAB:
      return name == ".dynstr" ? SEC_TYPE_DYNSTR : (name == ".shstrtab" ? SEC_TYPE_SECSTR : SEC_TYPE_SYMSTR);
    case SHT_RELA:
    case SHT_REL:
      return (section.flags & SHF_ALLOC) != 0 ? SEC_TYPE_DYNREL : SEC_TYPE_REGREL;
    case SHT_HASH:
    case SHT_GNU_HASH:
      return SEC_TYPE_HASH;
    case SHT_DYNAMIC:
      return SEC_TYPE_DYNAMIC;
    case SHT_NOBITS:
      return SEC_TYPE_BSS;
    case SHT_PROGBITS:
    case SHT_INIT_ARRAY:
    case SHT_FINI_ARRAY:
    case SHT_PREINIT_ARRAY:
    case SHT_NOTE:
      return (section.flags & SHF_EXECINSTR) != 0 ? SEC_TYPE_EXEC : SEC_TYPE_DATA;
    default:
      break;
  }
  return section.type >= SHT_LOUSER ? SEC_TYPE_USER : SEC_TYPE_LOOS;
}

}  // namespace

namespace isotach::dbi::api {
namespace {

Callbacks<IMAGECALLBACK>& load_callbacks() {
  static auto* const all = new Callbacks<IMAGECALLBACK>;
  return *all;
}
Callbacks<IMAGECALLBACK>& unload_callbacks() {
  static auto* const all = new Callbacks<IMAGECALLBACK>;
  return *all;
}

void watch_images() {
  const auto caller = [](Callbacks<IMAGECALLBACK>& callbacks) {
    return [&callbacks](Image& image) {
      callbacks.each(
          [&](IMAGECALLBACK function, VOID* value, CALLBACK_RECORD&) { function(IMG(image.number), value); });
    };
  };
  images().on_load = caller(load_callbacks());
  images().on_unload = [call = caller(unload_callbacks())](Image& image) {
    call(image);
    routine_requests().forget(image.low, image.high);
  };
}

}  // namespace

void start_images(uint64_t entry, uint64_t interpreter) {
  watch_images();
  images().start(entry, interpreter);
}
void start_images_attached(uint64_t entry) {
  watch_images();
  images().start_attached(entry);
}
void end_images() {
  images().end();
}
void images_unmapped(uint64_t low, uint64_t high) {
  images().forget(low, high);
}

}  // namespace isotach::dbi::api

namespace LEVEL_BASE {

BOOL PIN_InitSymbols() {
  images().symbols_wanted = true;
  return TRUE;
}

BOOL PIN_InitSymbolsAlt(UINT32 mode) {
  images().symbols_wanted = mode != NO_SYMBOLS;
  return TRUE;
}

PIN_CALLBACK IMG_AddInstrumentFunction(IMAGECALLBACK function, VOID* value) {
  return isotach::dbi::api::load_callbacks().add(function, value);
}

PIN_CALLBACK IMG_AddUnloadFunction(IMAGECALLBACK function, VOID* value) {
  return isotach::dbi::api::unload_callbacks().add(function, value);
}

IMG APP_ImgHead() {
  const Guard guard(images().mutex());
  return from(0, true);
}
IMG APP_ImgTail() {
  const Guard guard(images().mutex());
  return from(images().all().size() - 1, false);
}
IMG IMG_Next(IMG img) {
  const Guard guard(images().mutex());
  return image_of(img) == nullptr ? IMG_Invalid() : from(static_cast<size_t>(img.q()), true);
}
IMG IMG_Prev(IMG img) {
  const Guard guard(images().mutex());
  return image_of(img) == nullptr ? IMG_Invalid() : from(static_cast<size_t>(img.q()) - 2, false);
}

const std::string& IMG_Name(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? empty() : image->name;
}
ADDRINT IMG_EntryAddress(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : image->entry;
}
ADDRINT IMG_LowAddress(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : image->low;
}
ADDRINT IMG_HighAddress(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : image->high - 1;
}
ADDRINT IMG_StartAddress(IMG img) {
  return IMG_LowAddress(img);
}
ADDRDELTA IMG_LoadOffset(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : static_cast<ADDRDELTA>(image->load_offset);
}
USIZE IMG_SizeMapped(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : image->high - image->low;
}
UINT32 IMG_NumRegions(IMG img) {
  const Image* const image = image_of(img);
  return image == nullptr ? 0 : static_cast<UINT32>(image->regions.size());
}
ADDRINT IMG_RegionLowAddress(IMG img, UINT32 n) {
  const Image* const image = image_of(img);
  return image == nullptr || n >= image->regions.size() ? 0 : image->regions[n].low;
}
ADDRINT IMG_RegionHighAddress(IMG img, UINT32 n) {
  const Image* const image = image_of(img);
  return image == nullptr || n >= image->regions.size() ? 0 : image->regions[n].high - 1;
}
UINT32 IMG_Id(IMG img) {
  return static_cast<UINT32>(img.q());
}

IMG_TYPE IMG_Type(IMG img) {
  const Image* const image = image_of(img);
  if (image == nullptr) return IMG_TYPE_INVALID;
  switch (image->type) {
    case ImageType::executable:
      return IMG_TYPE_SHARED;
    case ImageType::static_executable:
      return IMG_TYPE_STATIC;
    case ImageType::shared_library:
    case ImageType::vdso:
      return IMG_TYPE_SHAREDLIB;
    case ImageType::made_by_tool:
      return IMG_TYPE_API_CREATED;
  }
  return IMG_TYPE_INVALID;
}

BOOL IMG_HasProperty(IMG img, IMG_PROPERTY property) {
  const Guard guard(images().mutex());
  Image* const image = image_of(img);
  if (image == nullptr) return FALSE;
  const UINT32 features = image->control_flow_features();
  return property == IMG_PROPERTY_IBT_ENABLED     ? (features & GNU_PROPERTY_X86_FEATURE_1_IBT) != 0
         : property == IMG_PROPERTY_SHSTK_ENABLED ? (features & GNU_PROPERTY_X86_FEATURE_1_SHSTK) != 0
                                                  : FALSE;
}

BOOL IMG_IsMainExecutable(IMG img) {
  const Image* const image = image_of(img);
  return image != nullptr && image->is_main;
}
BOOL IMG_IsStaticExecutable(IMG img) {
  const Image* const image = image_of(img);
  return image != nullptr && image->type == ImageType::static_executable;
}
BOOL IMG_IsInterpreter(IMG img) {
  const Image* const image = image_of(img);
  return image != nullptr && image->is_interpreter;
}
BOOL IMG_IsVDSO(IMG img) {
  const Image* const image = image_of(img);
  return image != nullptr && image->type == ImageType::vdso;
}

SEC IMG_SecHead(IMG img) {
  Image* const image = image_of(img);
  return image == nullptr || image->sections().empty() ? SEC_Invalid()
                                                       : handle_of(&image->sections().front());
}
SEC IMG_SecTail(IMG img) {
  Image* const image = image_of(img);
  return image == nullptr || image->sections().empty() ? SEC_Invalid() : handle_of(&image->sections().back());
}

SYM IMG_RegsymHead(IMG img) {
  const Guard guard(images().mutex());
  Image* const image = image_of(img);
  return image == nullptr || image->symbols().empty() ? SYM_Invalid() : SYM(image->symbols().front().number);
}

IMG IMG_FindByAddress(ADDRINT address) {
  const Guard guard(images().mutex());
  return handle_of(images().find(address));
}
IMG IMG_FindImgById(UINT32 id) {
  return image_of(IMG(static_cast<INT32>(id))) == nullptr ? IMG_Invalid() : IMG(static_cast<INT32>(id));
}
IMG IMG_Open(const std::string& path) {
  return handle_of(images().open_file(path));
}
VOID IMG_Close(IMG) {}
IMG IMG_CreateAt(const CHAR* path, ADDRINT start, USIZE size, ADDRINT load_offset, BOOL main_executable) {
  return handle_of(images().create(path, start, size, load_offset, main_executable));
}

SEC SEC_Next(SEC sec) {
  ImageSection* const section = images().section(sec.q());
  if (section == nullptr || section == &section->image->sections().back()) return SEC_Invalid();
  return SEC(sec.q() + 1);
}
SEC SEC_Prev(SEC sec) {
  ImageSection* const section = images().section(sec.q());
  if (section == nullptr || section == &section->image->sections().front()) return SEC_Invalid();
  return SEC(sec.q() - 1);
}
IMG SEC_Img(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section == nullptr ? IMG_Invalid() : handle_of(section->image);
}
const std::string& SEC_Name(SEC sec) {
  const Guard guard(images().mutex());
  static auto* const names = new std::unordered_map<INT32, std::string>;
  const ImageSection* const section = images().section(sec.q());
  return section == nullptr ? empty() : kept(*names, sec.q(), section->name);
}
SEC_TYPE SEC_Type(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section == nullptr ? SEC_TYPE_INVALID : type_of(*section);
}
ADDRINT SEC_Address(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section == nullptr ? 0 : section->address;
}
USIZE SEC_Size(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section == nullptr ? 0 : section->size;
}
BOOL SEC_Mapped(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section != nullptr && section->mapped();
}
const VOID* SEC_Data(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  if (section == nullptr || !section->mapped() || !section->image->loaded) return nullptr;
  return reinterpret_cast<const VOID*>(section->address);
}
BOOL SEC_IsReadable(SEC sec) {
  return SEC_Mapped(sec);
}
BOOL SEC_IsWriteable(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section != nullptr && (section->flags & SHF_WRITE) != 0;
}
BOOL SEC_IsExecutable(SEC sec) {
  const ImageSection* const section = images().section(sec.q());
  return section != nullptr && (section->flags & SHF_EXECINSTR) != 0;
}

SYM SYM_Next(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const here = images().symbol(sym.q());
  const ImageSymbol* const next = here == nullptr ? nullptr : images().symbol(sym.q() + 1);
  // The numbers of another image's symbols begin again with index 0.
  return next == nullptr || next->index != here->index + 1 ? SYM_Invalid() : SYM(next->number);
}
SYM SYM_Prev(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const here = images().symbol(sym.q());
  return here == nullptr || here->index == 0 ? SYM_Invalid() : SYM(sym.q() - 1);
}
const std::string& SYM_Name(SYM sym) {
  const Guard guard(images().mutex());
  static auto* const names = new std::unordered_map<INT32, std::string>;
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol == nullptr ? empty() : kept(*names, sym.q(), symbol->name);
}
ADDRINT SYM_Value(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol == nullptr ? 0 : symbol->value;
}
UINT32 SYM_Index(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol == nullptr ? 0 : symbol->index;
}
ADDRINT SYM_Address(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol == nullptr ? 0 : symbol->address;
}
USIZE SYM_Size(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol == nullptr ? 0 : symbol->size;
}
BOOL SYM_Dynamic(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol != nullptr && symbol->dynamic;
}
BOOL SYM_IFuncResolver(SYM sym) {
  const Guard guard(images().mutex());
  const ImageSymbol* const symbol = images().symbol(sym.q());
  return symbol != nullptr && symbol->resolver;
}
BOOL SYM_GeneratedByPin(SYM) {
  return FALSE;
}

std::string PIN_UndecorateSymbolName(const std::string& name, UNDECORATION style) {
  using isotach::dbi::Demangling;
  return isotach::dbi::demangle(
      name, style == UNDECORATION_NAME_ONLY ? Demangling::name_only : Demangling::complete);
}

BOOL IMG_hasLinesData(IMG img) {
  const Guard guard(images().mutex());
  Image* const image = image_of(img);
  return image != nullptr && isotach::dbi::has_source_lines(*image);
}
VOID IMG_GetLoaderInfo(IMG img, LINUX_LOADER_IMAGE_INFO* info) {
  const Guard guard(images().mutex());
  Image* const image = image_of(img);
  *info = {};
  if (image == nullptr) return;
  info->l_addr = image->load_offset;
  info->l_name = image->name.c_str();
  for (const isotach::dbi::ImageSection& section : image->sections()) {
    if (section.name == ".dynamic") info->l_ld = section.address;
  }
}
VOID PIN_GetSourceLocation(ADDRINT address, INT32* column, INT32* line, std::string* file) {
  const Guard guard(images().mutex());
  isotach::dbi::SourceLine found;
  Image* const image = images().find(address);
  if (image == nullptr || !isotach::dbi::source_line(*image, address, found)) found = {};
  if (column != nullptr) *column = found.column;
  if (line != nullptr) *line = found.line;
  if (file != nullptr) *file = found.file;
}

}  // namespace LEVEL_BASE
