# Each request leaves something in a dictionary that nobody empties.
import time

seen = {}
for request in range(12):
    for part in range(40):
        seen[request, part] = b"%d" % (part % 10) * 100000
    time.sleep(0.12)
