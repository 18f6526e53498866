// Images (ELF files in the program), their sections, routines and symbols; source lines.
#pragma once

#include "pin/arguments.h"

namespace LEVEL_BASE {

enum SYMBOL_INFO_MODE : UINT32 {
  NO_SYMBOLS = 0,
  EXPORT_SYMBOLS = 1,
  DEBUG_SYMBOLS = 2,
  DEBUG_OR_EXPORT_SYMBOLS = 3,
  IFUNC_SYMBOLS = 4,
  SYMBOLS_DEFAULT = DEBUG_OR_EXPORT_SYMBOLS
};
// Before PIN_Init, usually: without it images have no routines.
ISOTACH_API BOOL PIN_InitSymbols();
ISOTACH_API BOOL PIN_InitSymbolsAlt(UINT32 mode);

typedef VOID (*IMAGECALLBACK)(IMG img, VOID* value);
typedef VOID (*IMG_INSTRUMENT_CALLBACK)(IMG img, VOID* value);
typedef VOID (*RTN_INSTRUMENT_CALLBACK)(RTN rtn, VOID* value);
ISOTACH_API PIN_CALLBACK IMG_AddInstrumentFunction(IMAGECALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK IMG_AddUnloadFunction(IMAGECALLBACK function, VOID* value);
ISOTACH_API PIN_CALLBACK RTN_AddInstrumentFunction(RTN_INSTRUMENT_CALLBACK function, VOID* value);

enum IMG_TYPE {
  IMG_TYPE_INVALID,
  IMG_TYPE_STATIC,
  IMG_TYPE_SHARED,
  IMG_TYPE_SHAREDLIB,
  IMG_TYPE_RELOCATABLE,
  IMG_TYPE_DYNAMIC_CODE,
  IMG_TYPE_API_CREATED,
  IMG_TYPE_LAST
};
enum IMG_PROPERTY { IMG_PROPERTY_INVALID, IMG_PROPERTY_SHSTK_ENABLED, IMG_PROPERTY_IBT_ENABLED };
ISOTACH_API IMG APP_ImgHead();
ISOTACH_API IMG APP_ImgTail();
ISOTACH_API IMG IMG_Next(IMG img);
ISOTACH_API IMG IMG_Prev(IMG img);
ISOTACH_API const std::string& IMG_Name(IMG img);
ISOTACH_API ADDRINT IMG_EntryAddress(IMG img);
inline ADDRINT IMG_Entry(IMG img) {
  return IMG_EntryAddress(img);
}
ISOTACH_API ADDRINT IMG_LowAddress(IMG img);
ISOTACH_API ADDRINT IMG_HighAddress(IMG img);  // of its last byte
ISOTACH_API ADDRINT IMG_StartAddress(IMG img);
ISOTACH_API ADDRDELTA IMG_LoadOffset(IMG img);
ISOTACH_API USIZE IMG_SizeMapped(IMG img);
ISOTACH_API UINT32 IMG_NumRegions(IMG img);
ISOTACH_API ADDRINT IMG_RegionLowAddress(IMG img, UINT32 n);
ISOTACH_API ADDRINT IMG_RegionHighAddress(IMG img, UINT32 n);
ISOTACH_API UINT32 IMG_Id(IMG img);
ISOTACH_API IMG_TYPE IMG_Type(IMG img);
ISOTACH_API BOOL IMG_HasProperty(IMG img, IMG_PROPERTY property);
ISOTACH_API BOOL IMG_IsMainExecutable(IMG img);
ISOTACH_API BOOL IMG_IsStaticExecutable(IMG img);
ISOTACH_API BOOL IMG_IsInterpreter(IMG img);
ISOTACH_API BOOL IMG_IsVDSO(IMG img);
// What the program's dynamic linker has in its list of images: for those that are in it.
struct LINUX_LOADER_IMAGE_INFO {
  ADDRINT l_addr;      // what the image's own addresses are moved by
  const CHAR* l_name;  // as the image's name; valid while the image is
  ADDRINT l_ld;        // address of its dynamic section; 0: it has none
};
ISOTACH_API VOID IMG_GetLoaderInfo(IMG img, LINUX_LOADER_IMAGE_INFO* info);
// Whether it tells source lines: PIN_GetSourceLocation.
ISOTACH_API BOOL IMG_hasLinesData(IMG img);
ISOTACH_API SEC IMG_SecHead(IMG img);
ISOTACH_API SEC IMG_SecTail(IMG img);
ISOTACH_API SYM IMG_RegsymHead(IMG img);
ISOTACH_API IMG IMG_FindByAddress(ADDRINT address);
ISOTACH_API IMG IMG_FindImgById(UINT32 id);
ISOTACH_API IMG IMG_Open(const std::string& path);
ISOTACH_API VOID IMG_Close(IMG img);
ISOTACH_API IMG IMG_CreateAt(const CHAR* path, ADDRINT start, USIZE size, ADDRINT load_offset,
                             BOOL main_executable);

enum SEC_TYPE {
  SEC_TYPE_INVALID,
  SEC_TYPE_UNUSED,
  SEC_TYPE_REGREL,
  SEC_TYPE_DYNREL,
  SEC_TYPE_EXEC,
  SEC_TYPE_DATA,
  SEC_TYPE_LSDA,
  SEC_TYPE_BSS,
  SEC_TYPE_LOOS,
  SEC_TYPE_USER,
  SEC_TYPE_SYMSTR,
  SEC_TYPE_DYNSTR,
  SEC_TYPE_SECSTR,
  SEC_TYPE_COMMENT,
  SEC_TYPE_DYNSYM,
  SEC_TYPE_REGSYM,
  SEC_TYPE_STACK,
  SEC_TYPE_DEBUG,
  SEC_TYPE_HASH,
  SEC_TYPE_GOT,
  SEC_TYPE_DYNAMIC,
  SEC_TYPE_SHADOW,
  SEC_TYPE_LAST
};
ISOTACH_API SEC SEC_Next(SEC sec);
ISOTACH_API SEC SEC_Prev(SEC sec);
ISOTACH_API IMG SEC_Img(SEC sec);
ISOTACH_API const std::string& SEC_Name(SEC sec);
ISOTACH_API SEC_TYPE SEC_Type(SEC sec);
ISOTACH_API ADDRINT SEC_Address(SEC sec);
ISOTACH_API USIZE SEC_Size(SEC sec);
ISOTACH_API BOOL SEC_Mapped(SEC sec);
ISOTACH_API const VOID* SEC_Data(SEC sec);
ISOTACH_API BOOL SEC_IsReadable(SEC sec);
ISOTACH_API BOOL SEC_IsWriteable(SEC sec);
ISOTACH_API BOOL SEC_IsExecutable(SEC sec);
ISOTACH_API RTN SEC_RtnHead(SEC sec);
ISOTACH_API RTN SEC_RtnTail(SEC sec);

ISOTACH_API RTN RTN_Next(RTN rtn);
ISOTACH_API RTN RTN_Prev(RTN rtn);
ISOTACH_API SEC RTN_Sec(RTN rtn);
ISOTACH_API SYM RTN_Sym(RTN rtn);
ISOTACH_API UINT32 RTN_Id(RTN rtn);
ISOTACH_API const std::string& RTN_Name(RTN rtn);
ISOTACH_API ADDRINT RTN_Address(RTN rtn);
ISOTACH_API USIZE RTN_Size(RTN rtn);
ISOTACH_API USIZE RTN_Range(RTN rtn);
ISOTACH_API UINT32 RTN_NumIns(RTN rtn);
ISOTACH_API BOOL RTN_IsDynamic(RTN rtn);
ISOTACH_API BOOL RTN_IsArtificial(RTN rtn);
ISOTACH_API BOOL RTN_IFuncResolver(RTN rtn);
ISOTACH_API BOOL RTN_IFuncImplementation(RTN rtn);
ISOTACH_API RTN RTN_FindByAddress(ADDRINT address);
ISOTACH_API RTN RTN_FindByName(IMG img, const CHAR* name);
ISOTACH_API std::string RTN_FindNameByAddress(ADDRINT address);
ISOTACH_API RTN RTN_CreateAt(ADDRINT address, const std::string& name);
ISOTACH_API VOID RTN_CreateJitFunction(ADDRINT address, const std::string& name, USIZE size);
// Its instructions, between RTN_Open and RTN_Close; one at a time.
ISOTACH_API VOID RTN_Open(RTN rtn);
ISOTACH_API VOID RTN_Close(RTN rtn);
ISOTACH_API INS RTN_InsHead(RTN rtn);
ISOTACH_API INS RTN_InsHeadOnly(RTN rtn);
ISOTACH_API INS RTN_InsTail(RTN rtn);
ISOTACH_API VOID RTN_InsertCall(RTN rtn, IPOINT place, AFUNPTR function, ...);
ISOTACH_API AFUNPTR RTN_Funptr(RTN rtn);
ISOTACH_API AFUNPTR RTN_Replace(RTN rtn, AFUNPTR function);
ISOTACH_API AFUNPTR RTN_ReplaceSignature(RTN rtn, AFUNPTR function, ...);
// Of probe mode: see pin/probe.h.

ISOTACH_API SYM SYM_Next(SYM sym);
ISOTACH_API SYM SYM_Prev(SYM sym);
ISOTACH_API const std::string& SYM_Name(SYM sym);
ISOTACH_API ADDRINT SYM_Value(SYM sym);
ISOTACH_API UINT32 SYM_Index(SYM sym);
ISOTACH_API ADDRINT SYM_Address(SYM sym);
ISOTACH_API USIZE SYM_Size(SYM sym);
ISOTACH_API BOOL SYM_Dynamic(SYM sym);
ISOTACH_API BOOL SYM_IFuncResolver(SYM sym);
ISOTACH_API BOOL SYM_GeneratedByPin(SYM sym);

enum UNDECORATION { UNDECORATION_COMPLETE, UNDECORATION_NAME_ONLY };
ISOTACH_API std::string PIN_UndecorateSymbolName(const std::string& name, UNDECORATION style);
// Each of the three may be null. Line 0: not known.
ISOTACH_API VOID PIN_GetSourceLocation(ADDRINT address, INT32* column, INT32* line, std::string* file);

}  // namespace LEVEL_BASE
