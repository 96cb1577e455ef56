"""The wire types of mfa."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from services.chassis.dto import Dto

Code = Annotated[str, Field(min_length=1, max_length=32)]


class EnrolmentIn(Dto):
    """How the authenticator app should name the account."""

    account: Annotated[str, Field(min_length=1, max_length=254)] = "account"


class EnrolmentOut(Dto):
    """What to put into an authenticator app; shown once."""

    secret: str
    provisioning_uri: str


class ConfirmIn(Dto):
    """A code of the new authenticator."""

    code: Code


class RecoveryCodesOut(Dto):
    """Recovery codes; shown once."""

    recovery_codes: list[str]


class FactorsOut(Dto):
    """The second factors a user has."""

    methods: list[str]
    recovery_codes_left: int
