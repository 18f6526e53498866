# A program whose counts can be worked out by hand: the oracle's own test, and the engine's.
#
#   argument count 1: 1 + 5 + 1 + 3 * 100 + ... see the numbers beside the lines; it ends with code 7.
        .globl _start
        .text
_start: mov $100, %ecx          # 1
1:      add $1, %rax            # 100
        sub $1, %ecx            # 100
        jnz 1b                  # 100
        lea buffer(%rip), %rdi  # 1
        lea buffer+512(%rip), %rsi # 1
        mov $300, %ecx          # 1
        cld                     # 1
        rep movsb               # 300 iterations
        xor %ecx, %ecx          # 1
        rep stosb               # no iteration: 1 step
        lea zeros(%rip), %rdi   # 1
        mov $50, %ecx           # 1
        mov $1, %eax            # 1
        repne scasb             # 50 iterations
        mov $10, %ecx           # 1
2:      loop 2b                 # 10, each at the same address, and no string instruction
        call 3f                 # 1
        push %rax               # 1
        pop %rbx                # 1
        mov $39, %eax           # 1
        syscall                 # 1
        mov $60, %eax           # 1
        mov $7, %edi            # 1
        syscall                 # 1
3:      ret                     # 1
        .bss
buffer: .skip 1024
zeros:  .skip 64
