# A cache that is full after a while; from then on the oldest entry goes for each new one.
import collections
import time

cache = collections.OrderedDict()
for i in range(1600):
    cache[i] = b"x" * 100000
    if len(cache) > 800:
        cache.popitem(last=False)
    time.sleep(0.0008)
