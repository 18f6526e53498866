# Three files are loaded one after the other and kept.
import time

loaded = []
for load in range(3):
    for part in range(30):
        loaded.append(b"x" * (1 << 20))
        time.sleep(0.002)
    time.sleep(0.3)
