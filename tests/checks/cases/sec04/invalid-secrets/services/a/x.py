log.info("login", password=word)  # expect: SEC04
self._log.warning("reset", link=reset_token)  # expect: SEC04
logger.error(f"for {user.email}")  # expect: SEC04
