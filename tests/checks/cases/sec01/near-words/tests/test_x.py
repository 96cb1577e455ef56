BODY = {"password": "throw-away-1"}
