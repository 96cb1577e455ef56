import time

SHOWN = time.strftime("%H", time.localtime())
