"""Logging in and out: password, second factor, passkey, identity provider."""

from __future__ import annotations

from fastapi import APIRouter

from candor.web.signing.passkeys import router as passkeys
from candor.web.signing.password import router as password
from candor.web.signing.provider import router as provider
from candor.web.signing.steps import router as steps

router = APIRouter()
for _part in (password, steps, passkeys, provider):
    router.include_router(_part)
