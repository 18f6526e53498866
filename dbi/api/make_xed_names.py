#!/usr/bin/env python3
"""Writes pin/xed_names.h: the enumerators that tools spell XED_ICLASS_..., from the names that Zydis has.

usage: make_xed_names.py ZYDIS_INCLUDE_FOLDER OUTPUT

Both name instructions, categories and extensions after Intel's manuals, so that most names are the same. Values are
Zydis' own; where one name of Zydis stands for two of the others (movsd), the second one has a value behind
the last.
"""
import pathlib
import re
import sys

# What is named differently: ours -> Zydis'.
ICLASS_ALIASES = {
    "CALL_NEAR": "CALL", "RET_NEAR": "RET", "PAUSE": "PAUSE", "INT": "INT", "JZ": "JZ", "XLAT": "XLAT",
    "PREFETCH_EXCLUSIVE": "PREFETCH", "NOP2": "NOP",
}
# One mnemonic of Zydis, two names: what api/names.cc decides by the operands.
ICLASS_SPLIT = ["CALL_FAR", "RET_FAR", "JMP_FAR", "MOVSD_XMM", "CMPSD_XMM", "FWAIT_", "REP_MOVSB", "REP_MOVSW", "REP_MOVSD",
                "REP_MOVSQ", "REP_STOSB", "REP_STOSW", "REP_STOSD", "REP_STOSQ", "REP_LODSB", "REP_LODSW", "REP_LODSD",
                "REP_LODSQ", "REPE_CMPSB", "REPE_CMPSW", "REPE_CMPSD", "REPE_CMPSQ", "REPNE_CMPSB", "REPNE_CMPSW",
                "REPNE_CMPSD", "REPNE_CMPSQ", "REPE_SCASB", "REPE_SCASW", "REPE_SCASD", "REPE_SCASQ", "REPNE_SCASB",
                "REPNE_SCASW", "REPNE_SCASD", "REPNE_SCASQ", "REP_INSB", "REP_INSW", "REP_INSD", "REP_OUTSB",
                "REP_OUTSW", "REP_OUTSD", "ADD_LOCK", "ADC_LOCK", "AND_LOCK", "BTC_LOCK", "BTR_LOCK", "BTS_LOCK",
                "CMPXCHG_LOCK", "CMPXCHG8B_LOCK", "CMPXCHG16B_LOCK", "DEC_LOCK", "INC_LOCK", "NEG_LOCK", "NOT_LOCK",
                "OR_LOCK", "SBB_LOCK", "SUB_LOCK", "XADD_LOCK", "XOR_LOCK"]
# Names that tools use and Zydis does not have at all: never the class of an instruction.
ICLASS_EXTRA = ["CALL", "RET", "LOOPNZ", "LOOPZ", "SALC", "AAA", "AAD", "AAM", "AAS", "DAA", "DAS", "PUSHA", "PUSHAD",
                "POPA", "POPAD", "INTO", "BOUND", "LES", "LDS", "ARPL", "JCXZ", "PUSHFD", "POPFD", "IRET", "INT3",
                "MOV_CR", "MOV_DR", "SYSRET_AMD", "SYSCALL_AMD"]


def names(folder, file, prefix):
    text = (pathlib.Path(folder) / "Zydis" / "Generated" / file).read_text()
    body = re.search(r"enum \w+_\s*\{(.*?)\}", text, re.S).group(1)
    return [name for name in re.findall(rf"^\s*{prefix}(\w+),", body, re.M)]


def enum(out, name, prefix, values, split=(), aliases=None, extra=()):
    out.append(f"enum {name} {{")
    seen = set()
    for value in values:
        out.append(f"  {prefix}{value},")
        seen.add(value)
    for value in [*split, *extra]:
        if value not in seen:
            out.append(f"  {prefix}{value},")
            seen.add(value)
    out.append(f"  {prefix}LAST,")
    for ours, theirs in (aliases or {}).items():
        if ours not in seen and theirs in seen:
            out.append(f"  {prefix}{ours} = {prefix}{theirs},")
    out.append("};")


def main():
    folder, output = sys.argv[1:]
    out = ["// Made by api/make_xed_names.py.", "#pragma once", "", "namespace LEVEL_BASE {", ""]
    mnemonics = names(folder, "EnumMnemonic.h", "ZYDIS_MNEMONIC_")
    categories = names(folder, "EnumInstructionCategory.h", "ZYDIS_CATEGORY_")
    extensions = names(folder, "EnumISAExt.h", "ZYDIS_ISA_EXT_")
    enum(out, "xed_iclass_enum_t", "XED_ICLASS_", mnemonics, ICLASS_SPLIT, ICLASS_ALIASES, ICLASS_EXTRA)
    enum(out, "xed_category_enum_t", "XED_CATEGORY_", categories, aliases={"3DNOW": "AMD3DNOW"})
    enum(out, "xed_extension_enum_t", "XED_EXTENSION_", extensions, aliases={"3DNOW": "AMD3DNOW"})
    registers = re.findall(r"^\s*ZYDIS_REGISTER_(\w+),",
                           (pathlib.Path(folder) / "Zydis" / "Generated" / "EnumRegister.h").read_text(), re.M)
    ranges = {"GPR8": ("AL", "R15B"), "GPR16": ("AX", "R15W"), "GPR32": ("EAX", "R15D"), "GPR64": ("RAX", "R15"),
              "XMM": ("XMM0", "XMM31"), "YMM": ("YMM0", "YMM31"), "ZMM": ("ZMM0", "ZMM31"), "MASK": ("K0", "K7"),
              "MMX": ("MM0", "MM7"), "X87": ("ST0", "ST7")}
    aliases = {"INVALID": "NONE"}
    for name, (first, last) in ranges.items():
        aliases |= {f"{name}_FIRST": first, f"{name}_LAST": last}
    enum(out, "xed_reg_enum_t", "XED_REG_", registers, aliases=aliases)
    out += ["", "}  // namespace LEVEL_BASE", ""]
    pathlib.Path(output).write_text("\n".join(out))


main()
