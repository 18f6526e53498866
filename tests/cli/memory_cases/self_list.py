# A list that contains itself is never freed by counting references.
import time


def work():
    items = []
    items.append(items)
    for i in range(1500):
        items.append(("object %d" % i) * 3000)
        time.sleep(0.0002)


work()
time.sleep(0.3)
