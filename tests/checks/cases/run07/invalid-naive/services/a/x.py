import datetime

NOW = datetime.datetime.now()  # expect: RUN07
THEN = datetime.datetime.utcnow()  # expect: RUN07
