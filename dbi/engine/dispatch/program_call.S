# A tool calls a function of the program that it has replaced, as if it were one of its own: through a few bytes of
# code for each (api/originals.cc), which come here with the function's address in r11. What it is given is laid out
# as a ProgramCall of nested.h.
    .text
    .intel_syntax noprefix

    .globl isotach_call_original
    .type isotach_call_original, @function
isotach_call_original:
    push rbp
    mov rbp, rsp
    sub rsp, 192
    mov [rsp + 0], r11
    mov qword ptr [rsp + 8], 1
    mov [rsp + 16], rdi
    mov [rsp + 24], rsi
    mov [rsp + 32], rdx
    mov [rsp + 40], rcx
    mov [rsp + 48], r8
    mov [rsp + 56], r9
    movsd [rsp + 64], xmm0
    movsd [rsp + 72], xmm1
    movsd [rsp + 80], xmm2
    movsd [rsp + 88], xmm3
    movsd [rsp + 96], xmm4
    movsd [rsp + 104], xmm5
    movsd [rsp + 112], xmm6
    movsd [rsp + 120], xmm7
    movzx eax, al
    mov [rsp + 128], rax
    lea rax, [rbp + 16]
    mov [rsp + 136], rax
    mov qword ptr [rsp + 144], 16
    mov rdi, rsp
    call isotach_original_called@PLT
    mov rax, [rsp + 152]
    mov rdx, [rsp + 160]
    movsd xmm0, [rsp + 168]
    movsd xmm1, [rsp + 176]
    leave
    ret
    .section .note.GNU-stack,"",@progbits
