"""Notification owns what users are told: e-mail, in-app messages, and what they want to hear."""
