import datetime

NOW = datetime.datetime.now(datetime.UTC)
