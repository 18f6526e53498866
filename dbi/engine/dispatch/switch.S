# The border between the program's code in the cache and the engine's C++. On both sides GS points to the
# ThreadContext and FS to the lent thread control block; all other registers change hands here.
#include "engine/dispatch/context_layout.h"

    .text
    .intel_syntax noprefix

# void isotach_enter_cache(ThreadContext*): runs the program from context->resume. Does not return; each exit
# comes back through isotach_dispatch on this same stack.
    .globl isotach_enter_cache
    .type isotach_enter_cache, @function
isotach_enter_cache:
    and rsp, -64
    mov [rdi + CONTEXT_HOST_RSP], rsp
    jmp isotach_enter

# void isotach_enter_nested(ThreadContext*, uint64_t* stack): the same from within an analysis routine. Returns, with
# the registers of a function's caller in place, when isotach_leave_nested(*stack) is called.
    .globl isotach_enter_nested
    .type isotach_enter_nested, @function
isotach_enter_nested:
    push rbx
    push rbp
    push r12
    push r13
    push r14
    push r15
    mov [rsi], rsp
    jmp isotach_enter_cache
    .globl isotach_leave_nested
    .type isotach_leave_nested, @function
isotach_leave_nested:
    mov rsp, rdi
    pop r15
    pop r14
    pop r13
    pop r12
    pop rbp
    pop rbx
    ret
# Where the program's function returns to: an address, no code.
    .globl isotach_nested_end
isotach_nested_end:
    ud2

# Emitted code arrives here with the program's registers, gs:[CONTEXT_EXIT] set.
    .globl isotach_exit_cache
    .type isotach_exit_cache, @function
isotach_exit_cache:
    mov gs:[CONTEXT_REGISTERS + 0x00], rax
    mov gs:[CONTEXT_REGISTERS + 0x08], rcx
    mov gs:[CONTEXT_REGISTERS + 0x10], rdx
    mov gs:[CONTEXT_REGISTERS + 0x18], rbx
    mov gs:[CONTEXT_REGISTERS + 0x20], rsp
    mov gs:[CONTEXT_REGISTERS + 0x28], rbp
    mov gs:[CONTEXT_REGISTERS + 0x30], rsi
    mov gs:[CONTEXT_REGISTERS + 0x38], rdi
    mov gs:[CONTEXT_REGISTERS + 0x40], r8
    mov gs:[CONTEXT_REGISTERS + 0x48], r9
    mov gs:[CONTEXT_REGISTERS + 0x50], r10
    mov gs:[CONTEXT_REGISTERS + 0x58], r11
    mov gs:[CONTEXT_REGISTERS + 0x60], r12
    mov gs:[CONTEXT_REGISTERS + 0x68], r13
    mov gs:[CONTEXT_REGISTERS + 0x70], r14
    mov gs:[CONTEXT_REGISTERS + 0x78], r15
    mov rbx, gs:[CONTEXT_SELF]
    mov dword ptr [rbx + CONTEXT_IS_DISPATCHING], 1
    mov rsp, [rbx + CONTEXT_HOST_RSP]
    pushfq
    pop qword ptr [rbx + CONTEXT_FLAGS]
    push 0x202                 # direction, alignment check and trap flag off
    popfq
    call isotach_save_vectors
    mov rdi, rbx
    call isotach_dispatch@PLT
    mov rdi, rbx
# Before `pending` is looked at: a signal that comes meanwhile finds the thread still on its way through the engine.
isotach_enter:
    call isotach_restore_vectors

# Between isotach_enter_begin and isotach_enter_end nothing but the context is read, so a signal that comes here
# can have the thread start again at isotach_enter_again.
    .globl isotach_enter_begin
isotach_enter_begin:
    cmp dword ptr [rdi + CONTEXT_PENDING], 0
    jne isotach_enter_again
    mov dword ptr [rdi + CONTEXT_IS_DISPATCHING], 0
    push qword ptr [rdi + CONTEXT_FLAGS]
    popfq
    mov r15, [rdi + CONTEXT_REGISTERS + 0x78]
    mov r14, [rdi + CONTEXT_REGISTERS + 0x70]
    mov r13, [rdi + CONTEXT_REGISTERS + 0x68]
    mov r12, [rdi + CONTEXT_REGISTERS + 0x60]
    mov r11, [rdi + CONTEXT_REGISTERS + 0x58]
    mov r10, [rdi + CONTEXT_REGISTERS + 0x50]
    mov r9,  [rdi + CONTEXT_REGISTERS + 0x48]
    mov r8,  [rdi + CONTEXT_REGISTERS + 0x40]
    mov rsi, [rdi + CONTEXT_REGISTERS + 0x30]
    mov rbp, [rdi + CONTEXT_REGISTERS + 0x28]
    mov rsp, [rdi + CONTEXT_REGISTERS + 0x20]
    mov rbx, [rdi + CONTEXT_REGISTERS + 0x18]
    mov rdx, [rdi + CONTEXT_REGISTERS + 0x10]
    mov rcx, [rdi + CONTEXT_REGISTERS + 0x08]
    mov rax, [rdi + CONTEXT_REGISTERS + 0x00]
    mov rdi, [rdi + CONTEXT_REGISTERS + 0x38]
    jmp qword ptr gs:[CONTEXT_RESUME]
    .globl isotach_enter_end
isotach_enter_end:

# The same as an exit, but the registers are in the context already.
    .globl isotach_enter_again
isotach_enter_again:
    mov rbx, gs:[CONTEXT_SELF]
    mov dword ptr [rbx + CONTEXT_IS_DISPATCHING], 1
    mov rsp, [rbx + CONTEXT_HOST_RSP]
    push 0x202
    popfq
    ldmxcsr [rbx + CONTEXT_HOST_MXCSR]
    mov rdi, rbx
    call isotach_deliver_pending@PLT
    mov rdi, rbx
    jmp isotach_enter

# A signal handler sends a thread here that was inside the cache: its registers are in the context, the vector
# registers where they were.
    .globl isotach_signal_entry
isotach_signal_entry:
    mov rbx, gs:[CONTEXT_SELF]
    mov dword ptr [rbx + CONTEXT_IS_DISPATCHING], 1
    mov rsp, [rbx + CONTEXT_HOST_RSP]
    push 0x202
    popfq
    call isotach_save_vectors
    mov rdi, rbx
    call isotach_deliver_pending@PLT
    mov rdi, rbx
    jmp isotach_enter

# bool isotach_safe_copy(void* to, const void* from, size_t size): false when either cannot be accessed; a fault
# inside goes on at isotach_safe_copy_failed.
    .globl isotach_safe_copy
    .type isotach_safe_copy, @function
isotach_safe_copy:
    mov rcx, rdx
    .globl isotach_safe_copy_begin
isotach_safe_copy_begin:
    rep movsb
    .globl isotach_safe_copy_end
isotach_safe_copy_end:
    mov eax, 1
    ret
    .globl isotach_safe_copy_failed
isotach_safe_copy_failed:
    xor eax, eax
    ret

# void isotach_exit_thread(uint32_t* in_use, int code): ends the calling thread; *in_use becomes 0 when its stack
# is no longer needed.
    .globl isotach_exit_thread
    .type isotach_exit_thread, @function
isotach_exit_thread:
    mov eax, 60
    mov dword ptr [rdi], 0
    mov edi, esi
    syscall
    ud2

# The vector registers' low halves to and from the context. rbx holds it (save) or rdi (restore); clobbers eax.
# The engine and its libraries execute no VEX or EVEX instruction, so the upper parts stay where they are.
    .globl isotach_save_vectors
isotach_save_vectors:
    cmp dword ptr [rip + isotach_program_uses_x87], 0
    jne 1f
isotach_save_sse:
    movaps [rbx + CONTEXT_VECTORS + 0x00], xmm0
    movaps [rbx + CONTEXT_VECTORS + 0x10], xmm1
    movaps [rbx + CONTEXT_VECTORS + 0x20], xmm2
    movaps [rbx + CONTEXT_VECTORS + 0x30], xmm3
    movaps [rbx + CONTEXT_VECTORS + 0x40], xmm4
    movaps [rbx + CONTEXT_VECTORS + 0x50], xmm5
    movaps [rbx + CONTEXT_VECTORS + 0x60], xmm6
    movaps [rbx + CONTEXT_VECTORS + 0x70], xmm7
    movaps [rbx + CONTEXT_VECTORS + 0x80], xmm8
    movaps [rbx + CONTEXT_VECTORS + 0x90], xmm9
    movaps [rbx + CONTEXT_VECTORS + 0xa0], xmm10
    movaps [rbx + CONTEXT_VECTORS + 0xb0], xmm11
    movaps [rbx + CONTEXT_VECTORS + 0xc0], xmm12
    movaps [rbx + CONTEXT_VECTORS + 0xd0], xmm13
    movaps [rbx + CONTEXT_VECTORS + 0xe0], xmm14
    movaps [rbx + CONTEXT_VECTORS + 0xf0], xmm15
2:  stmxcsr [rbx + CONTEXT_MXCSR]
    mov eax, [rbx + CONTEXT_MXCSR]
    and eax, 0xffc0
    cmp eax, 0x1f80
    je 3f
    ldmxcsr [rbx + CONTEXT_HOST_MXCSR]
3:  ret
1:  fxsave64 [rbx + CONTEXT_X87]
    fninit
    movaps xmm0, [rbx + CONTEXT_X87 + 160]
    lea rsi, [rbx + CONTEXT_X87 + 160]
    lea rdi, [rbx + CONTEXT_VECTORS]
    mov ecx, 32
    rep movsq
    jmp 2b

    .globl isotach_restore_vectors
isotach_restore_vectors:
    cmp dword ptr [rip + isotach_program_uses_x87], 0
    jne 1f
isotach_restore_sse:
    movaps xmm0, [rdi + CONTEXT_VECTORS + 0x00]
    movaps xmm1, [rdi + CONTEXT_VECTORS + 0x10]
    movaps xmm2, [rdi + CONTEXT_VECTORS + 0x20]
    movaps xmm3, [rdi + CONTEXT_VECTORS + 0x30]
    movaps xmm4, [rdi + CONTEXT_VECTORS + 0x40]
    movaps xmm5, [rdi + CONTEXT_VECTORS + 0x50]
    movaps xmm6, [rdi + CONTEXT_VECTORS + 0x60]
    movaps xmm7, [rdi + CONTEXT_VECTORS + 0x70]
    movaps xmm8, [rdi + CONTEXT_VECTORS + 0x80]
    movaps xmm9, [rdi + CONTEXT_VECTORS + 0x90]
    movaps xmm10, [rdi + CONTEXT_VECTORS + 0xa0]
    movaps xmm11, [rdi + CONTEXT_VECTORS + 0xb0]
    movaps xmm12, [rdi + CONTEXT_VECTORS + 0xc0]
    movaps xmm13, [rdi + CONTEXT_VECTORS + 0xd0]
    movaps xmm14, [rdi + CONTEXT_VECTORS + 0xe0]
    movaps xmm15, [rdi + CONTEXT_VECTORS + 0xf0]
    ldmxcsr [rdi + CONTEXT_MXCSR]
    ret
# The x87 part from the image that was saved, the vectors from where the engine may have changed them.
1:  cmp qword ptr [rdi + CONTEXT_X87 + 24], 0
    je isotach_restore_sse
    fxrstor64 [rdi + CONTEXT_X87]
    jmp isotach_restore_sse

# int64_t isotach_program_system_call(const uint64_t registers[16], uint64_t number, const uint32_t* pending):
# the one place where the program's system calls are made, so that a signal handler can tell whether one was
# not begun, is to be begun again, or is done. Returns kInterrupted when a signal was pending before it began.
    .globl isotach_program_system_call
    .type isotach_program_system_call, @function
isotach_program_system_call:
    push rbx
    push r12
    mov rbx, rdi
    mov rax, rsi
    mov r12, rdx
    mov rdi, [rbx + 0x38]
    mov rsi, [rbx + 0x30]
    mov rdx, [rbx + 0x10]
    mov r10, [rbx + 0x50]
    mov r8,  [rbx + 0x40]
    mov r9,  [rbx + 0x48]
    .globl isotach_system_call_window
isotach_system_call_window:
    cmp dword ptr [r12], 0
    jne isotach_system_call_interrupted
    .globl isotach_system_call_instruction
isotach_system_call_instruction:
    syscall
    .globl isotach_system_call_done
isotach_system_call_done:
    pop r12
    pop rbx
    ret
    .globl isotach_system_call_interrupted
isotach_system_call_interrupted:
    mov rax, -4096
    pop r12
    pop rbx
    ret

# An indirect branch whose target has no prologue: rcx holds the target, slot 0 the program's rcx, slot 1 its rax.
    .globl isotach_indirect_miss
isotach_indirect_miss:
    mov gs:[CONTEXT_TARGET], rcx
    mov rcx, gs:[CONTEXT_SLOTS]
    mov rax, gs:[CONTEXT_SLOTS + 8]
    mov dword ptr gs:[CONTEXT_EXIT], 0
    jmp isotach_exit_cache

# Around analysis calls, on the host stack, with the program's rsp in the context. Save leaves the context in rbx;
# rbp and r12 to r15 stay as they are. The `all` forms also keep those and the whole flags in the context, and take
# them from there again.
#
# Only the `all` forms save the x87 registers, which costs hundreds of cycles: emitted code uses them in traces that
# touch x87 or MMX themselves. Elsewhere the x87 stack is empty by the calling convention, and the little that the C++
# library computes with it leaves it as it was.
.macro save_volatile then
    mov [rbx + CONTEXT_REGISTERS + 0x08], rcx
    mov [rbx + CONTEXT_REGISTERS + 0x10], rdx
    mov [rbx + CONTEXT_REGISTERS + 0x30], rsi
    mov [rbx + CONTEXT_REGISTERS + 0x38], rdi
    mov [rbx + CONTEXT_REGISTERS + 0x40], r8
    mov [rbx + CONTEXT_REGISTERS + 0x48], r9
    mov [rbx + CONTEXT_REGISTERS + 0x50], r10
    mov [rbx + CONTEXT_REGISTERS + 0x58], r11
    cmp dword ptr [rip + isotach_program_uses_std], 0
    je \then
    pushfq
    pop qword ptr [rbx + CONTEXT_CALL_RSP]
    cld
    jmp \then
.endm

    .globl isotach_call_save
isotach_call_save:
    mov gs:[CONTEXT_REGISTERS + 0x00], rax
    mov gs:[CONTEXT_REGISTERS + 0x18], rbx
    mov rbx, gs:[CONTEXT_SELF]
    lahf
    seto al
    mov [rbx + CONTEXT_CALL_FLAGS], eax
    save_volatile isotach_save_sse

    .globl isotach_call_save_all
isotach_call_save_all:
    mov gs:[CONTEXT_REGISTERS + 0x00], rax
    mov gs:[CONTEXT_REGISTERS + 0x18], rbx
    mov rbx, gs:[CONTEXT_SELF]
    pushfq
    pop qword ptr [rbx + CONTEXT_FLAGS]
    mov [rbx + CONTEXT_REGISTERS + 0x28], rbp
    mov [rbx + CONTEXT_REGISTERS + 0x60], r12
    mov [rbx + CONTEXT_REGISTERS + 0x68], r13
    mov [rbx + CONTEXT_REGISTERS + 0x70], r14
    mov [rbx + CONTEXT_REGISTERS + 0x78], r15
    save_volatile isotach_save_vectors

    .globl isotach_call_restore
isotach_call_restore:
    mov rdi, rbx
    call isotach_restore_sse
    cmp dword ptr [rip + isotach_program_uses_std], 0
    jne 2f
1:  mov eax, [rbx + CONTEXT_CALL_FLAGS]
    add al, 127
    sahf
    mov rcx, [rbx + CONTEXT_REGISTERS + 0x08]
    mov rdx, [rbx + CONTEXT_REGISTERS + 0x10]
    mov rsi, [rbx + CONTEXT_REGISTERS + 0x30]
    mov rdi, [rbx + CONTEXT_REGISTERS + 0x38]
    mov r8,  [rbx + CONTEXT_REGISTERS + 0x40]
    mov r9,  [rbx + CONTEXT_REGISTERS + 0x48]
    mov r10, [rbx + CONTEXT_REGISTERS + 0x50]
    mov r11, [rbx + CONTEXT_REGISTERS + 0x58]
    mov rax, [rbx + CONTEXT_REGISTERS + 0x00]
    mov rbx, [rbx + CONTEXT_REGISTERS + 0x18]
    ret
2:  test qword ptr [rbx + CONTEXT_CALL_RSP], 0x400
    jz 1b
    std
    jmp 1b

    .globl isotach_call_restore_all
isotach_call_restore_all:
    mov rdi, rbx
    call isotach_restore_vectors
    push qword ptr [rbx + CONTEXT_FLAGS]
    popfq
    mov rcx, [rbx + CONTEXT_REGISTERS + 0x08]
    mov rdx, [rbx + CONTEXT_REGISTERS + 0x10]
    mov rbp, [rbx + CONTEXT_REGISTERS + 0x28]
    mov rsi, [rbx + CONTEXT_REGISTERS + 0x30]
    mov rdi, [rbx + CONTEXT_REGISTERS + 0x38]
    mov r8,  [rbx + CONTEXT_REGISTERS + 0x40]
    mov r9,  [rbx + CONTEXT_REGISTERS + 0x48]
    mov r10, [rbx + CONTEXT_REGISTERS + 0x50]
    mov r11, [rbx + CONTEXT_REGISTERS + 0x58]
    mov r12, [rbx + CONTEXT_REGISTERS + 0x60]
    mov r13, [rbx + CONTEXT_REGISTERS + 0x68]
    mov r14, [rbx + CONTEXT_REGISTERS + 0x70]
    mov r15, [rbx + CONTEXT_REGISTERS + 0x78]
    mov rax, [rbx + CONTEXT_REGISTERS + 0x00]
    mov rbx, [rbx + CONTEXT_REGISTERS + 0x18]
    ret

    .bss
    .globl isotach_program_uses_std
    .balign 4
isotach_program_uses_std:
    .zero 4
    .globl isotach_program_uses_x87
    .balign 4
isotach_program_uses_x87:
    .zero 4
    .section .note.GNU-stack,"",@progbits
