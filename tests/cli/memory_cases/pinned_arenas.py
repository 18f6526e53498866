# Every second of many small objects is freed: each arena still holds some.
import time

items = []
for i in range(1000000):
    items.append("small %d" % i)
    if i % 20000 == 0:
        time.sleep(0.005)
time.sleep(0.2)
del items[::2]
time.sleep(0.4)
