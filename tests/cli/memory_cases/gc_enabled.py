# Objects in cycles; the collector runs whenever 300 more were made than freed.
import gc
import mmap
import time

gc.set_threshold(300, 1000, 1000)


class Node:
    __slots__ = ("itself", "data")


for i in range(2400):
    node = Node()
    node.itself = node
    node.data = mmap.mmap(-1, 200000)
    node.data.write(b"x" * 200000)
    time.sleep(0.0004)
