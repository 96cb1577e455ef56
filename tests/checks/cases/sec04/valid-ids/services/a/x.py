log.info("login", user_id=user_id, token_type=kind)
