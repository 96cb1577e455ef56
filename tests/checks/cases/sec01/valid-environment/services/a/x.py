import os

PASSWORD = os.environ["PASSWORD"]
TOKEN_FILE = "/run/secrets/token-of-the-service-a"
