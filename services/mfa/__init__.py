"""MFA owns second factors: TOTP, recovery codes, and whether one is due."""
