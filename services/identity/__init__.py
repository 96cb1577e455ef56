"""Identity owns users: registration, e-mail verification, passwords, and the login."""
