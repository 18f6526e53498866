# Where threads come from and go to their native code. See attach.h.
#include "engine/dispatch/context_layout.h"

    .text
    .intel_syntax noprefix

# The first code of a thread that was taken over: on its lent stack, FS and GS set by the launcher, rdi the context,
# the program's vector registers in place, every signal blocked.
    .globl isotach_attached_entry
    .type isotach_attached_entry, @function
isotach_attached_entry:
    mov rbx, rdi
    call isotach_save_vectors
    mov rdi, rbx
    call isotach_attached@PLT
    ud2

# The launcher sends a thread here that waited in a system call of the program.
    .globl isotach_leave_system_call
    .type isotach_leave_system_call, @function
isotach_leave_system_call:
    and rsp, -64
    call isotach_left_system_call@PLT
    ud2

# And one of those that are parked, for what is to be done once.
    .globl isotach_finish_entry
    .type isotach_finish_entry, @function
isotach_finish_entry:
    mov rbx, gs:[CONTEXT_SELF]
    mov rsp, [rbx + CONTEXT_HOST_RSP]
    and rsp, -64
    mov rdi, rbx
    call isotach_finish_detach@PLT
    ud2

# void isotach_park(ThreadContext*): the program's vector registers are put in place, then nothing is done until the
# launcher sets all others, or does not want the thread to leave any more.
    .globl isotach_park
    .type isotach_park, @function
isotach_park:
    call isotach_restore_vectors
1:  mov eax, 24                # sched_yield
    syscall
    cmp dword ptr [rip + isotach_detach_request + DETACH_WANTED], 0
    jne 1b
    mov rdi, gs:[CONTEXT_SELF]
    mov rsp, [rdi + CONTEXT_HOST_RSP]
    and rsp, -64
    call isotach_stay@PLT
    ud2

    .section .note.GNU-stack,"",@progbits
