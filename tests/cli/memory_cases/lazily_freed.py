# Given back by MADV_FREE: the kernel takes it when it needs it, and until then it counts as resident.
import mmap
import time

area = mmap.mmap(-1, 60 << 20, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
for i in range(60):
    area.write(b"x" * (1 << 20))
    time.sleep(0.005)
time.sleep(0.2)
area.madvise(mmap.MADV_FREE)
time.sleep(1.6)
