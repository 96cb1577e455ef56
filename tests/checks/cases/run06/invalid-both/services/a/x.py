import os
from os import environ

NAME = os.environ["NAME"]  # expect: RUN06
OTHER = environ.get("OTHER")  # expect: RUN06


def f(settings) -> str:
    return settings.hots + settings.host  # expect: RUN06
