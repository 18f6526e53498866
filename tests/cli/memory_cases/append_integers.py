# A list that grows to two million integers.
import time

items = []
for i in range(2000000):
    items.append(i + 1000)
    if i % 20000 == 0:
        time.sleep(0.005)
