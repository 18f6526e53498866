# Each request uses a lot, gives most of it back, and leaves a little.
import time

seen = {}
for request in range(12):
    work = b"x" * (40 << 20)
    time.sleep(0.06)
    seen[request] = b"y" * (4 << 20)
    del work
    time.sleep(0.06)
