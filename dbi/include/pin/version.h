// Which kit a tool was built with: the launched engine refuses tools whose structures are not its own.
#pragma once

// Raised when a structure or an enumerator that tools are compiled with changes.
#define ISOTACH_KIT_VERSION 2
#define ISOTACH_KIT_MARK "isotach-kit-version:"

#define ISOTACH_TEXT_(number) #number
#define ISOTACH_TEXT(number) ISOTACH_TEXT_(number)

extern "C" {
// Once in a tool, however many of its files include this.
extern const char isotach_kit_version[] __attribute__((weak));
const char isotach_kit_version[] __attribute__((used)) =
    ISOTACH_KIT_MARK ISOTACH_TEXT(ISOTACH_KIT_VERSION) ";";
}
