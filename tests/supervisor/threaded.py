"""A module that starts a thread when imported, as the zygote must not have any."""

import threading

threading.Thread(target=threading.Event().wait, daemon=True).start()
