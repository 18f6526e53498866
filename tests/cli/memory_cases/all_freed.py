# All of many small objects are freed: their arenas go back to the kernel.
import time

items = []
for i in range(1000000):
    items.append("small %d" % i)
    if i % 20000 == 0:
        time.sleep(0.005)
time.sleep(0.2)
items = None
time.sleep(0.4)
