"""Every holder of a master key behaves alike: files, passphrases, and the key services, each over its own protocol."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from candor.errors import CandorError, Damaged, InvalidInput, Unavailable, WrongKey
from candor.vault.adapters import asking, local_key
from candor.vault.adapters.aws_kms import AwsKms
from candor.vault.adapters.azure_key_vault import AzureKeyVault
from candor.vault.adapters.gcp_kms import GcpKms
from candor.vault.adapters.pkcs11_token import Pkcs11Token
from candor.vault.adapters.vault_transit import VaultTransit
from candor.vault.keys.reading import AwsSpec, AzureSpec, GcpSpec, Pkcs11Spec, Secret, VaultSpec
from candor.vault.keys.ring import KeyRing
from candor.vault.keys.service_key import ServiceKey
from candor.vault.ports import KeyService, MasterKey
from tests.peers import key_services, softhsm

DATA_KEY = bytes(range(32))
CONTEXT = b"candor.object.1\0id\0original\0conversation"


class Clock:
    """Seconds that only tests move."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Provider:
    """One kind of master key, and what can be done to it."""

    kind: str
    make: Callable[[str], MasterKey | KeyService]
    """By the name of a key: ``candor``, ``other``, ``none``."""
    service: key_services.Service | None = None
    pauses: list[float] = field(default_factory=list)
    clock: Clock = field(default_factory=Clock)

    def key(self, name: str = "candor", seconds: float = 300.0) -> MasterKey:
        made = self.make(name)
        if self.kind in {"file", "passphrase"}:
            return made  # type: ignore[return-value]
        return ServiceKey(made, seconds=seconds, monotonic=self.clock)  # type: ignore[arg-type]


@pytest.fixture(scope="session")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    module = softhsm.library()
    if module is None:
        pytest.skip("softhsm2 is not installed")
    softhsm.make_token(tmp_path_factory.mktemp("hsm"), module)
    return module


REMOTE = ("vault", "aws", "gcp", "azure")
KINDS = ("file", "passphrase", *REMOTE, "pkcs11")


@pytest.fixture
def provider(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Provider]:
    with ExitStack() as stack:
        yield _provider(request.param, request, tmp_path, monkeypatch, stack)


def _provider(
    kind: str, request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stack: ExitStack
) -> Provider:
    if kind == "file":
        return Provider(kind, lambda name: local_key.from_key_file(tmp_path / name, may_create=True))
    if kind == "passphrase":
        return Provider(
            kind, lambda name: local_key.from_passphrase(f"correct horse {name}", tmp_path / name, may_create=True)
        )
    if kind == "pkcs11":
        module = request.getfixturevalue("hsm")
        labels = {"candor": "master"}
        return Provider(
            kind,
            lambda name: Pkcs11Token(
                Pkcs11Spec(
                    module=module, token=softhsm.TOKEN, key=labels.get(name, name), pin=Secret("PIN", value=softhsm.PIN)
                )
            ),
        )
    peer = {"vault": key_services.Vault, "aws": key_services.Aws, "gcp": key_services.Gcp, "azure": key_services.Azure}
    service = stack.enter_context(peer[kind]().running())
    pauses: list[float] = []

    def asker() -> asking.Asker:
        made = asking.Asker("the service", pause=pauses.append)
        stack.callback(made.close)
        return made

    return Provider(kind, _maker(kind, service, asker, tmp_path, monkeypatch), service, pauses)


def _maker(
    kind: str,
    service: key_services.Service,
    asker: Callable[[], asking.Asker],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Callable[[str], KeyService]:
    if kind == "vault":
        token = Secret("token", value="hvs.valid")
        return lambda name: VaultTransit(VaultSpec(url=service.url, key=name, token=token), asker())
    if kind == "aws":
        for name in [name for name in os.environ if name.startswith("AWS_")]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIDCANDOR")
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI/K7MDENG")
        arns = {"candor": key_services.Aws.ARN, "other": key_services.Aws.OTHER}
        none = "arn:aws:kms:eu-central-1:111122223333:key/none"
        return lambda name: AwsKms(AwsSpec(key=arns.get(name, none), endpoint=service.url), asker())
    if kind == "gcp":
        assert isinstance(service, key_services.Gcp)
        account = tmp_path / "account.json"
        account.write_text(service.account())
        account.chmod(0o600)
        keys = {"candor": service.KEY, "other": service.OTHER}
        none = "projects/p/locations/l/keyRings/r/cryptoKeys/none"
        credentials = Secret("account", account)
        return lambda name: GcpKms(
            GcpSpec(key=keys.get(name, none), credentials=credentials, endpoint=service.url), asker()
        )
    secret = Secret("secret", value="secret~1")
    return lambda name: AzureKeyVault(
        AzureSpec(
            key=f"{service.url}/keys/{name}", tenant_id="tenant", client_id="client-1", client_secret=secret,
            authority=service.url,
        ),
        asker(),
    )  # fmt: skip


every = pytest.mark.parametrize("provider", KINDS, indirect=True)
remote = pytest.mark.parametrize("provider", REMOTE, indirect=True)


@every
def test_what_was_wrapped_unwraps(provider: Provider) -> None:
    key = provider.key()
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    assert DATA_KEY not in wrapped
    assert len(wrapped) <= 8192
    assert key.unwrap(wrapped, CONTEXT) == DATA_KEY
    assert provider.key().unwrap(wrapped, CONTEXT) == DATA_KEY, "another process, nothing remembered"
    assert key.wrap(DATA_KEY, CONTEXT) != wrapped, "never twice the same"


@every
def test_its_name_is_stable_and_its_own(provider: Provider) -> None:
    key = provider.key()
    assert key.key_id == provider.key().key_id
    assert key.key_id != provider.key("other").key_id
    assert len(key.key_id) <= 64
    assert key.kind == provider.kind
    assert key.remote == (provider.kind not in {"file", "passphrase"})


@every
def test_another_place_does_not_open_it(provider: Provider) -> None:
    wrapped = provider.key().wrap(DATA_KEY, CONTEXT)
    with pytest.raises(WrongKey):
        provider.key().unwrap(wrapped, CONTEXT + b"2")


@every
def test_a_tenant_cannot_open_what_is_anothers(provider: Provider) -> None:
    wrapped = KeyRing(provider.key(), tenant="one").wrap(DATA_KEY, CONTEXT)
    assert KeyRing(provider.key(), tenant="one").unwrap(provider.key().key_id, wrapped, CONTEXT) == DATA_KEY
    with pytest.raises(WrongKey):
        KeyRing(provider.key(), tenant="two").unwrap(provider.key().key_id, wrapped, CONTEXT)


@every
def test_another_key_does_not_open_it(provider: Provider) -> None:
    wrapped = provider.key("other").wrap(DATA_KEY, CONTEXT)
    with pytest.raises(WrongKey):
        provider.key().unwrap(wrapped, CONTEXT)


@every
def test_every_changed_byte_is_told(provider: Provider) -> None:
    key = provider.key(seconds=300)
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    step = 1 if provider.kind in {"file", "passphrase"} else 17
    for place in [*range(0, len(wrapped), step), len(wrapped) - 1]:
        harmed = wrapped[:place] + bytes([wrapped[place] ^ 1]) + wrapped[place + 1 :]
        with pytest.raises(Damaged):
            key.unwrap(harmed, CONTEXT)
    for cut in (0, 1, 3, len(wrapped) // 2, len(wrapped) - 1):
        with pytest.raises(Damaged):
            key.unwrap(wrapped[:cut], CONTEXT)


@pytest.mark.parametrize("provider", [*REMOTE, "pkcs11"], indirect=True)
def test_a_key_that_is_not_there_is_told(provider: Provider) -> None:
    with pytest.raises(InvalidInput) as told:
        provider.key("none").wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.not_found"
    assert told.value.advice


@remote
def test_one_call_serves_many_and_is_forgotten_in_time(provider: Provider) -> None:
    service, sealing = provider.service, provider.key()
    assert service is not None
    wrapped = [sealing.wrap(DATA_KEY, CONTEXT + bytes([n])) for n in range(20)]
    before = len(service.asked)
    opening = provider.key()
    for n, one in enumerate(wrapped):
        opening.unwrap(one, CONTEXT + bytes([n]))
    first = len(service.asked) - before
    assert first <= 2, "a log-in and one decryption for all that one wrapping key wrapped"
    provider.clock.now += 301
    opening.unwrap(wrapped[0], CONTEXT + bytes([0]))
    assert len(service.asked) - before == first + 1, "what was remembered is forgotten after its time"


@remote
def test_nothing_is_remembered_when_that_is_asked_for(provider: Provider) -> None:
    service = provider.service
    assert service is not None
    key = provider.key(seconds=0)
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    key.unwrap(wrapped, CONTEXT)
    before = len(service.asked)
    key.unwrap(wrapped, CONTEXT)
    key.unwrap(wrapped, CONTEXT)
    assert len(service.asked) == before + 2


@remote
def test_throttling_is_waited_out(provider: Provider) -> None:
    assert provider.service is not None
    provider.service.troubles.extend([key_services.answer(429, Retry_After="2"), key_services.answer(503)])
    key = provider.key()
    assert key.unwrap(key.wrap(DATA_KEY, CONTEXT), CONTEXT) == DATA_KEY
    assert len(provider.pauses) == 2
    assert provider.pauses[0] >= 2.0, "as long as it asked for"


@remote
def test_patience_ends(provider: Provider) -> None:
    assert provider.service is not None
    key = provider.key()
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    provider.clock.now += 1000
    provider.service.troubles.extend([key_services.answer(429, Retry_After="86400")] * 50)
    with pytest.raises(Unavailable) as told:
        key.unwrap(wrapped, CONTEXT)
    assert told.value.code == "key.unavailable"
    assert "try again" in told.value.advice
    assert sum(provider.pauses) <= 10, "never as long as a service likes"
    asked = len(provider.service.asked)
    with pytest.raises(Unavailable):
        key.unwrap(wrapped, CONTEXT)
    assert len(provider.service.asked) == asked, "the next one is told at once"
    provider.service.troubles.clear()
    provider.clock.now += 10
    assert key.unwrap(wrapped, CONTEXT) == DATA_KEY, "and it goes on by itself"


@remote
def test_a_service_that_cannot_be_reached_closes_everything(provider: Provider) -> None:
    assert provider.service is not None
    key = provider.key()
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    provider.service.down = True
    assert key.unwrap(wrapped, CONTEXT) == DATA_KEY, "for a few minutes it is remembered"
    provider.clock.now += 301
    for attempt in (lambda: key.wrap(DATA_KEY, CONTEXT), lambda: provider.key().unwrap(wrapped, CONTEXT)):
        with pytest.raises(Unavailable) as told:
            attempt()
        assert "cannot be used" in told.value.message
        assert "Nothing was lost" in told.value.advice


@remote
def test_a_refusal_is_told_and_gives_nothing_away(provider: Provider) -> None:
    assert provider.service is not None
    provider.service.denies = True
    with pytest.raises(Unavailable) as told:
        provider.key().wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.denied"
    assert told.value.advice
    secrets = ("hvs.", "secret~1", "wJalr", "PRIVATE", "not passed on")
    assert not any(one in str(told.value) for one in secrets)
    assert provider.pauses == [], "a refusal does not pass by itself"


@remote
def test_a_service_that_does_not_give_back_what_it_took_seals_nothing(provider: Provider) -> None:
    assert provider.service is not None
    provider.service.lies = True
    with pytest.raises(Unavailable) as told:
        provider.key().wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.unfaithful"


@remote
def test_an_answer_that_is_none_is_told(provider: Provider) -> None:
    assert provider.service is not None
    key = provider.key()
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    provider.clock.now += 1000
    for status, body in (
        (200, {}),
        (200, {"data": 7, "value": 7, "plaintext": 7, "Plaintext": 7}),
        (302, {}),
        (418, {}),
    ):
        provider.service.troubles.append(key_services.answer(status, body))
        with pytest.raises(CandorError):
            key.unwrap(wrapped, CONTEXT)
        provider.service.troubles.clear()
        provider.clock.now += 10
    assert key.unwrap(wrapped, CONTEXT) == DATA_KEY


@pytest.mark.parametrize("provider", ["aws", "gcp", "azure"], indirect=True)
def test_a_disabled_key_is_told_as_such(provider: Provider) -> None:
    service = provider.service
    names = {"aws": key_services.Aws.ARN, "gcp": key_services.Gcp.KEY, "azure": "candor"}
    key = provider.key()
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    service.disabled.add(names[provider.kind])  # type: ignore[union-attr]
    with pytest.raises(Unavailable) as told:
        provider.key().unwrap(wrapped, CONTEXT)
    assert told.value.code == "key.disabled"


@pytest.mark.parametrize("provider", ["gcp", "azure"], indirect=True)
def test_a_token_that_was_withdrawn_is_replaced(provider: Provider) -> None:
    key = provider.key(seconds=0)
    wrapped = key.wrap(DATA_KEY, CONTEXT)
    provider.service.tokens.clear()  # type: ignore[union-attr]
    assert key.unwrap(wrapped, CONTEXT) == DATA_KEY


@pytest.mark.parametrize("provider", ["aws"], indirect=True)
def test_aws_credentials(provider: Provider, monkeypatch: pytest.MonkeyPatch) -> None:
    service = provider.service
    assert isinstance(service, key_services.Aws)
    for name, value in (("AWS_SECRET_ACCESS_KEY", "another"), ("AWS_ACCESS_KEY_ID", "AKIDNOBODY")):
        with monkeypatch.context() as patch:
            patch.setenv(name, value)
            with pytest.raises(Unavailable) as told:
                provider.key().wrap(DATA_KEY, CONTEXT)
            assert told.value.code == "key.credentials"
    service.expired = True
    with pytest.raises(Unavailable) as told:
        provider.key().wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.credentials"
    service.expired = False
    service.troubles.append(key_services.answer(400, {"__type": "ThrottlingException"}))
    service.troubles.append(key_services.answer(400, {"__type": "ExpiredTokenException"}))
    key = provider.key()
    assert key.unwrap(key.wrap(DATA_KEY, CONTEXT), CONTEXT) == DATA_KEY, "renewed once, and gone on"


def test_an_alias_is_no_aws_key() -> None:
    with pytest.raises(InvalidInput, match="ARN"):
        AwsKms(AwsSpec(key="arn:aws:kms:eu-central-1:111122223333:alias/candor"))


@pytest.mark.parametrize("provider", ["vault"], indirect=True)
def test_vault_log_in_by_role_is_renewed(provider: Provider) -> None:
    service = provider.service
    assert isinstance(service, key_services.Vault)

    def key(secret: str) -> ServiceKey:
        spec = VaultSpec(url=service.url, key="candor", role_id="role-1", secret_id=Secret("s", value=secret))
        return ServiceKey(VaultTransit(spec, asking.Asker("vault", pause=lambda _: None)), seconds=0)

    one = key("secret-1")
    wrapped = one.wrap(DATA_KEY, CONTEXT)
    service.tokens.clear()
    assert one.unwrap(wrapped, CONTEXT) == DATA_KEY
    one.close()
    wrong = key("guess")
    with pytest.raises(Unavailable) as told:
        wrong.wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.credentials"
    wrong.close()


@pytest.mark.parametrize("provider", ["vault"], indirect=True)
def test_vault_versions_and_its_seal(provider: Provider) -> None:
    service = provider.service
    assert isinstance(service, key_services.Vault)
    wrapped = provider.key().wrap(DATA_KEY, CONTEXT)
    service.keys["candor"][2] = os.urandom(32)
    assert provider.key().unwrap(wrapped, CONTEXT) == DATA_KEY, "an older version still opens what it sealed"
    service.least["candor"] = 2
    with pytest.raises(Unavailable) as told:
        provider.key().unwrap(wrapped, CONTEXT)
    assert told.value.code == "key.disabled"
    service.sealed = True
    with pytest.raises(Unavailable) as told:
        provider.key().unwrap(wrapped, CONTEXT)
    assert told.value.code == "key.unavailable"


@pytest.mark.parametrize("provider", ["azure"], indirect=True)
def test_azure_versions_and_identities(provider: Provider, tmp_path: Path) -> None:
    service = provider.service
    assert isinstance(service, key_services.Azure)
    wrapped = provider.key().wrap(DATA_KEY, CONTEXT)
    service.keys["candor"]["v2"] = key_services.rsa.generate_private_key(65537, 2048)
    assert provider.key().unwrap(wrapped, CONTEXT) == DATA_KEY, "the version that wrapped is named beside the value"
    token = tmp_path / "token"
    token.write_text("federated-token\n")
    token.chmod(0o600)
    for spec in (
        AzureSpec(key=f"{service.url}/keys/candor", metadata=service.url),
        AzureSpec(
            key=f"{service.url}/keys/candor", tenant_id="t", client_id="client-1", authority=service.url,
            federated=Secret("token", token),
        ),
    ):  # fmt: skip
        key = ServiceKey(AzureKeyVault(spec, asking.Asker("azure", pause=lambda _: None)))
        assert key.unwrap(wrapped, CONTEXT) == DATA_KEY
        key.close()


@pytest.mark.parametrize("provider", ["gcp"], indirect=True)
def test_the_machines_own_account_serves_google(provider: Provider) -> None:
    service = provider.service
    assert isinstance(service, key_services.Gcp)
    spec = GcpSpec(key=service.KEY, endpoint=service.url, metadata=service.url)
    key = ServiceKey(GcpKms(spec, asking.Asker("gcp", pause=lambda _: None)))
    assert key.unwrap(key.wrap(DATA_KEY, CONTEXT), CONTEXT) == DATA_KEY
    key.close()


@pytest.mark.parametrize("provider", ["pkcs11"], indirect=True)
def test_a_wrong_pin_and_a_missing_token_are_told(provider: Provider, hsm: Path) -> None:
    def key(token: str, pin: str) -> ServiceKey:
        return ServiceKey(Pkcs11Token(Pkcs11Spec(module=hsm, token=token, key="master", pin=Secret("PIN", value=pin))))

    with pytest.raises(Unavailable) as told:
        key("nobody's", softhsm.PIN).wrap(DATA_KEY, CONTEXT)
    assert told.value.code == "key.unavailable"
    # A log-in counts for a whole process, hence another one.
    script = (
        "import sys\nfrom pathlib import Path\nfrom candor.errors import Unavailable\n"
        "from candor.vault.adapters.pkcs11_token import Pkcs11Token\n"
        "from candor.vault.keys.reading import Pkcs11Spec, Secret\n"
        "pin = Secret('PIN', value='0000-no')\n"
        "spec = Pkcs11Spec(module=Path(sys.argv[1]), token=sys.argv[2], key='master', pin=pin)\n"
        "try:\n    Pkcs11Token(spec).encrypt(bytes(32))\nexcept Unavailable as error:\n    print(error.code)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(hsm), softhsm.TOKEN], capture_output=True, text=True, check=False
    )
    assert done.stdout == "key.credentials\n", done.stderr
