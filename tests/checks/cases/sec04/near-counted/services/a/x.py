log.info("tokens", count=len(tokens), has_token=bool(token), server_address=at)
math.log(token)
profile.info(email)
