# A list that has its size from the start, and is filled with two million integers.
import time

items = [None] * 2000000
for i in range(2000000):
    items[i] = i + 1000
    if i % 20000 == 0:
        time.sleep(0.005)
