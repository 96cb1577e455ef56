from datetime import date, datetime

clock = datetime.now
today = date.today
