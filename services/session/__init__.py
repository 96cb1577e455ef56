"""Session owns sessions: access and refresh tokens, devices, revocation, and the keys that sign."""
