# Builds something up and throws it away, again and again.
import time

for batch in range(4):
    rows = []
    for i in range(60):
        rows.append(b"x" * (1 << 20))
        time.sleep(0.002)
    time.sleep(0.1)
    rows = None
    time.sleep(0.15)
