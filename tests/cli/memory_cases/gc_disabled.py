# Objects in cycles, and nobody looks for them.
import gc
import time

gc.disable()


class Node:
    pass


for i in range(10000):
    node = Node()
    node.itself = node
    node.text = ("%04d" % (i % 10000)) * 1500
    if i % 10 == 0:
        time.sleep(0.0005)
time.sleep(0.3)
