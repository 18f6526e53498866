// Offsets into ThreadContext for assembler and for emitted code. context.h asserts each of them.
#pragma once

#define CONTEXT_REGISTERS 0x000
#define CONTEXT_FLAGS 0x080
#define CONTEXT_PC 0x088
#define CONTEXT_EXIT 0x090
#define CONTEXT_TARGET 0x098
#define CONTEXT_HOST_RSP 0x0a0
#define CONTEXT_HOST_FS 0x0a8
#define CONTEXT_PROGRAM_FS 0x0b0
#define CONTEXT_PROGRAM_GS 0x0b8
#define CONTEXT_SLOTS 0x0c0
#define CONTEXT_RESUME 0x100
#define CONTEXT_SELF 0x108
#define CONTEXT_PENDING 0x110
#define CONTEXT_MXCSR 0x118
#define CONTEXT_HOST_MXCSR 0x11c
#define CONTEXT_COUNTER 0x120
#define CONTEXT_THREAD_ID 0x128
#define CONTEXT_BUFFERS 0x130
#define CONTEXT_CALL_RSP 0x170
#define CONTEXT_VECTORS 0x180
#define CONTEXT_X87 0x280
