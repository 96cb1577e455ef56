import time


def rest():
    time.sleep(1)


class Reader:
    def __init__(self, path):
        self.file = open(path)

    def read(self):
        return rest()
