# Over before anybody has looked.
print("hello")
