"""The texts: subject and body per kind of message. Values are inserted as they are, since the mail is plain text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from string import Template
from typing import Any


@dataclass(frozen=True, slots=True)
class Text:
    """One kind of message. `link_for` is set where the mail carries a one-time token of identity."""

    subject: str
    body: str
    link_for: str = ""
    can_mute: bool = True
    in_app: bool = True


KINDS: Mapping[str, Text] = {
    "verify_email": Text(
        "Confirm your e-mail address",
        "Welcome. To confirm this address, open\n\n  $public_url/verify-email?token=$token\n\n"
        "or send the token to POST $public_url/api/v1/identity/email/verify. It is valid for two days.\n",
        link_for="verify",
        can_mute=False,
        in_app=False,
    ),
    "reset_password": Text(
        "Reset your password",
        "Somebody, hopefully you, asked for a new password. To set one, open\n\n"
        "  $public_url/reset-password?token=$token\n\n"
        "or send the token to POST $public_url/api/v1/identity/password/reset. It is valid for one hour.\n"
        "If it was not you, nothing needs to be done.\n",
        link_for="reset",
        can_mute=False,
        in_app=False,
    ),
    "login_alert": Text(
        "New sign-in to your account",
        "There was a new sign-in to your account.\n\n  Time: $time\n  Address: $client_ip\n  Device: $user_agent\n\n"
        "If it was not you, change your password: that ends all other sessions.\n",
    ),
    "account_locked": Text(
        "Your account is locked for a while",
        "There were too many failed sign-ins from $client_ip. The account takes no attempts for 15 minutes.\n",
        can_mute=False,
    ),
    "password_changed": Text(
        "Your password was changed",
        "Your password was changed at $time. If it was not you, reset it now.\n",
        can_mute=False,
    ),
    "mfa_enrolled": Text(
        "Second factor set up", "From now on, signing in asks for a code of your authenticator app.\n"
    ),
    "token_reused": Text(
        "A session was ended for your safety",
        "A copied token was used for one of your sessions. That session is ended; sign in again.\n",
        can_mute=False,
    ),
}


def render(template: str, values: Mapping[str, Any]) -> str:
    """Return the text with its values; a missing one reads `unknown` instead of failing the message."""
    given = {key: str(value) or "unknown" for key, value in values.items()}
    return Template(template).safe_substitute(_Unknown(given))


class _Unknown(dict[str, str]):
    def __missing__(self, key: str) -> str:
        return "unknown"
