# Found and freed at last, but the C library keeps the space: something small lies above it.
import gc
import time

gc.disable()


class Node:
    pass


keep = []
for i in range(10000):
    node = Node()
    node.itself = node
    node.text = ("%04d" % (i % 10000)) * 1500
    if i % 10 == 0:
        time.sleep(0.0005)
        # Not a small object of Python's own arenas, so that it lies among the others.
        keep.append(("%04d" % i) * 200)
gc.collect()
time.sleep(0.4)
