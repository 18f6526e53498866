# Takes what it needs at the start, then works with it.
import time

table = bytearray(b"x" * (60 << 20))
for i in range(150):
    table[i * 4096] = i
    sum(table[:10000])
    time.sleep(0.01)
