"""Candor calls nobody that a request, a call or a recording names: who opens connections is listed, and to where.

Every address below stands in the settings, which only who runs the machine can change; none comes from data. A new
module that opens connections fails here until it is listed with the setting that says to whom.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2] / "src" / "candor"

CLIENTS = {"httpx", "requests", "urllib3", "aiohttp", "obstore", "smtplib", "imaplib", "ftplib", "botocore", "boto3",
           "websockets.client", "websockets.sync.client", "urllib.request", "http.client", "xmlrpc.client"}  # fmt: skip
CALLS = {"create_connection", "open_connection", "urlopen"}

TO_WHOM = {
    "access/oidc.py": "CANDOR_OIDC_ISSUER and what its discovery document names on https",
    "audit/adapters/objects.py": "CANDOR_AUDIT_CHECKPOINTS",
    "capture/sip/endpoint.py": "the session border controller of a session that it began (CANDOR_SIP_ALLOW)",
    "capture/watch/adapters/objects.py": "CANDOR_WATCH",
    "scoring/adapters/openai_compatible.py": "CANDOR_JUDGE_URL",
    "vault/adapters/asking.py": "CANDOR_KEYS",
    "vault/adapters/aws_kms.py": "CANDOR_KEYS",
    "vault/adapters/azure_key_vault.py": "CANDOR_KEYS",
    "vault/adapters/gcp_kms.py": "CANDOR_KEYS",
    "vault/adapters/vault_transit.py": "CANDOR_KEYS",
    "vault/evidence/stamping.py": "CANDOR_TIME_STAMP_URL",
}


def opens_connections(path: Path) -> bool:
    """Whether a module imports a client library, or calls what opens a connection to elsewhere."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names = {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = {node.module or "", *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Attribute) and node.attr in CALLS:
            return True
        else:
            continue
        if any(name == client or name.startswith(client + ".") for name in names for client in CLIENTS):
            return True
    return False


def test_who_opens_connections_is_listed_with_the_setting_that_says_to_whom() -> None:
    found = {str(path.relative_to(ROOT)) for path in ROOT.rglob("*.py") if opens_connections(path)}
    assert found == set(TO_WHOM)


@pytest.mark.parametrize("setting", sorted({word for why in TO_WHOM.values() for word in why.split() if "_" in word}))
def test_each_of_these_settings_exists(setting: str) -> None:
    name = setting.strip("()").removeprefix("CANDOR_").lower()
    assert f"    {name}:" in (ROOT / "settings.py").read_text(encoding="utf-8")


def test_redirects_are_never_followed() -> None:
    """An allowed host must not send us to another (httpx follows none by itself)."""
    offenders = [path for path in ROOT.rglob("*.py") if "follow_redirects=True" in path.read_text(encoding="utf-8")]
    assert offenders == []
