"""What can be set, from the environment (``CANDOR_…``) or ``candor.toml`` in the data folder.

docs/reference/settings.md is generated from this file by ``candor settings --markdown``; a test keeps the two equal.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Self
from zoneinfo import ZoneInfo

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, TomlConfigSettingsSource

from candor.access.groups import Groups
from candor.access.model import OwnCalls, UserRole
from candor.capture.watch.reading import read_places
from candor.consent.announcements.model import Details, Keys
from candor.errors import InvalidInput
from candor.redaction.policy import read_policy

DATA_FOLDER_NAME = ".candor"


def default_data_folder() -> Path:
    """``.candor`` in the current folder or one above it when there is one, else the user's own data folder."""
    here = Path.cwd()
    for folder in (here, *here.parents):
        if (folder / DATA_FOLDER_NAME).is_dir():
            return folder / DATA_FOLDER_NAME
    base = os.environ.get("XDG_DATA_HOME") or str(Path.home() / ".local" / "share")
    return Path(base) / "candor"


def default_to(**values: str | Path) -> None:
    """Settings for this process and its children that hold unless the environment says otherwise."""
    for name, value in values.items():
        os.environ.setdefault(f"CANDOR_{name.upper()}", str(value))


def environment() -> Mapping[str, str]:
    """Where secrets of key services are looked up by the names that CANDOR_KEYS gives."""
    return os.environ


def one_thread_each() -> None:
    """For child processes of which there is one a core: more threads of linear algebra would wait for one another."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def fetch_no_models() -> None:
    """For engines that would fetch a model by its name: what is not there is an error."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")


class Settings(BaseSettings):
    """Every setting, with its default."""

    model_config = SettingsConfigDict(env_prefix="CANDOR_", extra="forbid", frozen=True)

    data: Path = Field(
        default_factory=default_data_folder,
        description="The data folder: database, sealed objects, master key. "
        "Without it: `.candor` here or in a folder above, else `~/.local/share/candor`.",
    )
    passphrase: SecretStr | None = Field(
        None, description="Derive the master key from this passphrase instead of the key file; environment only."
    )
    key_file: Path | None = Field(None, description="The master key's file; default `master.key` in the data folder.")
    keys: tuple[dict[str, Any], ...] = Field(
        (),
        description="Master keys (JSON list), the one that seals first; the others open what was sealed before: "
        "key files, passphrases, Vault, AWS, Google, Azure, PKCS#11; see docs/howto/use-a-key-service.md. "
        "None: CANDOR_PASSPHRASE or the key file.",
    )
    pkcs11_pin: SecretStr | None = Field(
        None, description="The PIN of a PKCS#11 token; environment only. Better is `pin_file` in CANDOR_KEYS."
    )
    backup_passphrase: SecretStr | None = Field(
        None, description="Seals the key file in a backup with `--include-key`, and opens it; environment only."
    )
    key_cache_seconds: float = Field(
        300.0,
        ge=0,
        le=3600,
        description="Seconds for which what a key service opened is remembered, in memory alone; 0: never.",
    )
    host: str = Field("127.0.0.1", description="Address to listen on. Use a TLS proxy before opening it to others.")
    port: int = Field(8000, ge=0, le=65535, description="Port to listen on.")
    https: bool = Field(False, description="True behind a TLS proxy: cookies are then sent over https only.")
    workers: int = Field(
        default_factory=lambda: max(1, os.cpu_count() or 1), ge=1, le=256, description="Worker processes."
    )
    session_hours: float = Field(12.0, gt=0, le=720, description="How long a log-in lasts.")
    idle_minutes: float = Field(60.0, ge=0, le=1440, description="A log-in that is not used so long ends; 0: never.")
    password_login: bool = Field(True, description="Whether people may log in by name and password.")
    second_factor: tuple[UserRole, ...] = Field(
        (), description='Roles that need a second factor after the password (JSON list): `["administrator"]`.'
    )
    agents_see: OwnCalls = Field(
        OwnCalls.ALL,
        description="Which of their own conversations agents see: `all`, `evaluated` (those that a person has "
        "evaluated), or `none`. They can pause their own calls in any case.",
    )
    evaluation_release: str = Field(
        "at-once",
        pattern=r"^(at-once|by-hand|[1-9][0-9]{0,2})$",
        description="When agents see evaluations by people: `at-once`, `by-hand` (somebody releases them), or so many "
        "days after submission.",
    )
    dispute_days: int = Field(
        14, ge=0, le=365, description="Days from the release in which agents may dispute an evaluation; 0: never."
    )
    dispute_limit: int = Field(5, ge=0, le=1000, description="Disputes of one agent in a period; 0: any number.")
    dispute_period_days: int = Field(30, ge=1, le=365, description="Days of that period.")
    reveal_minutes: float = Field(
        15.0, gt=0, le=480, description="How long unmasked text and sound are open to who gave a reason."
    )
    reveal_kinds: dict[str, tuple[str, ...]] = Field(
        {"compliance": ("*",), "administrator": ("*",)},
        description="Which kinds of personal data a role sees unmasked (JSON object; kinds as in placeholders, `*`: "
        'all, as a role: the others): `{"compliance": ["NAME", "PHONE"]}`. Roles that are not named see all but '
        "cards and passwords; card verification codes nobody.",
    )
    oidc_issuer: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="The identity provider (OpenID Connect), as it names itself: `https://login.example.com/realm`. "
        "Plain http is taken for this machine only. See docs/howto/sign-in-with-your-identity-provider.md.",
    )
    oidc_client_id: str | None = Field(None, description="Candor's name at the identity provider.")
    oidc_client_secret: SecretStr | None = Field(None, description="Its secret; none for a public client.")
    oidc_label: str = Field("your company", max_length=60, description="What the button says: `Log in with …`.")
    oidc_scopes: tuple[str, ...] = Field(
        ("openid", "profile", "email"), description="What is asked for (JSON list); some providers need `groups`."
    )
    oidc_groups_claim: str = Field("groups", description="The claim that holds a person's groups.")
    oidc_login_claim: str = Field(
        "email", description="The claim that becomes the log-in name: `email` (verified), `preferred_username` …"
    )
    groups: dict[str, dict[str, Any]] = Field(
        {},
        description="What groups of the identity provider give (JSON object), for log-in and SCIM: "
        '`{"QA": {"role": "evaluator", "queues": ["billing"]}}`.',
    )
    requests_per_second: float = Field(
        200.0, ge=0, description="Answered for each log-in, token or address, ten times as many at once; 0: any number."
    )
    guesses_per_minute: float = Field(
        30.0, ge=0, description="Refused log-ins and tokens of one address before it has to wait; 0: any number."
    )
    retry_attempts: int = Field(5, ge=1, le=20, description="How often a stage is tried before it is parked.")
    retry_pause: float = Field(1.0, gt=0, description="Seconds before the second try; doubled for each further one.")
    upload_limit: int = Field(5_000_000_000, gt=0, description="Largest recording that is taken, in bytes.")
    longest_hours: float = Field(4.5, gt=0, le=24, description="Longest recording that is taken, in hours.")
    region: str | None = Field(
        None,
        pattern="^[A-Z]{2}$",
        description="Country (ISO 3166) for reading national telephone numbers; without it only +… is normalised.",
    )
    engine: Literal["moonshine", "faster-whisper", "sherpa-onnx", "onnx-asr"] = Field(
        "moonshine", description="The speech recogniser; see docs/reference/engines.md."
    )
    model: str | None = Field(None, description="The recogniser's model: a name or a folder; default: its own.")
    beam: int = Field(
        5, ge=1, le=16, description="Beam width of the built-in recogniser; 1 is greedy: faster, less exact."
    )
    device: Literal["cpu", "cuda", "auto"] = Field("cpu", description="Where engines that can use a GPU run.")
    vocabulary: tuple[str, ...] = Field(
        (), description="Names and brands that callers say, to help the recogniser (JSON list)."
    )
    meaning: bool = Field(True, description="Use sentence embeddings when their package is installed.")
    scorecard: str = Field(
        "customer-service-basics", description="The house's scorecard: the one whose score the list shows."
    )
    judge_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s?#]+$",
        description="A language model that answers free questions of scorecards: an OpenAI-compatible address up to "
        "and with `/v1`. Redacted transcripts are sent there; https, or plain http in this machine's own network. "
        "None: such questions go to a person. See docs/howto/judge-with-a-language-model.md.",
    )
    judge_model: str = Field("", max_length=200, description="The model's name there; needed with CANDOR_JUDGE_URL.")
    judge_key: SecretStr | None = Field(None, description="The key for it, where one is needed; environment only.")
    judge_key_file: Path | None = Field(None, description="A file with that key, instead of CANDOR_JUDGE_KEY.")
    judge_timeout: float = Field(30.0, gt=0, le=600, description="Seconds for one answer of the language model.")
    masking: Literal["tone", "silence"] = Field("tone", description="What replaces masked sound.")
    residual_check: Literal["near", "all", "off"] = Field(
        "near",
        description="What of each masked rendition is recognised again, to mask what is still made out: what lies "
        "around the masks, all of it, or nothing. A rendition in which something is left is set aside.",
    )
    presidio: str | None = Field(
        None,
        pattern=r"^(blank|(spacy|transformers|gliner):.+)$",
        description="Look for personal data with Presidio as well (`pip install candor[presidio]`): `blank` for its "
        "patterns alone, or engine and model: `spacy:en_core_web_lg`, `transformers:…`, `gliner:…`. None is fetched.",
    )
    recorder: bool = Field(True, description="Start the recorder with `candor serve`.")
    sip_host: str = Field(
        "127.0.0.1", description="Address on which the recorder takes SIPREC sessions and their media; `0.0.0.0`: all."
    )
    sip_port: int = Field(5060, ge=0, le=65535, description="SIP over UDP and TCP; 0 takes a free port.")
    sips_port: int = Field(0, ge=0, le=65535, description="SIP over TLS; 0: none. Needs CANDOR_TLS_CERTIFICATE.")
    public_address: str | None = Field(
        None, description="The address that senders reach the recorder by, where it is not CANDOR_SIP_HOST."
    )
    rtp_ports: str = Field(
        "20000-29999", pattern=r"^\d{1,5}-\d{1,5}$", description="UDP ports for media: two for each stream."
    )
    sip_allow: tuple[str, ...] = Field(
        ("127.0.0.0/8", "::1/128"), description="Networks that may send calls (JSON list); others get no answer."
    )
    sip_users: dict[str, SecretStr] = Field(
        {}, description="Digest users and passwords of senders (JSON object); none: no digest is asked for."
    )
    sip_digest: tuple[Literal["SHA-256", "MD5"], ...] = Field(
        ("SHA-256", "MD5"),
        min_length=1,
        description='Digest algorithms offered to senders, best first; `["MD5"]` for those that know no other.',
    )
    media_from: Literal["known", "any"] = Field(
        "known", description="Whether RTP is taken from the addresses of offer and signalling only, or from any."
    )
    srtp: Literal["allow", "require", "off"] = Field("allow", description="SRTP with keys in the offer (SDES).")
    tls_certificate: Path | None = Field(None, description="PEM file with the recorder's certificate and key.")
    tls_client_ca: Path | None = Field(
        None, description="PEM file of the authorities whose client certificates are required."
    )
    agent_addresses: tuple[str, ...] = Field(
        (r"^[A-Za-z]{0,2}\d{2,6}$",), description="Patterns of the user parts of agents' addresses (JSON list)."
    )
    pause_keys: str = Field("", pattern=r"^[0-9*#A-D]{0,8}$", description="Telephone keys that pause recording: `*7`.")
    resume_keys: str = Field("", pattern=r"^[0-9*#A-D]{0,8}$", description="Telephone keys that resume it.")
    most_calls: int = Field(5_000, ge=1, le=100_000, description="Calls recorded at once; more are answered 503.")
    consent: Literal["off", "enforce"] = Field(
        "off",
        description="`enforce` decides for each call whether it may be recorded, keeps nothing that may not be, and "
        "quarantines conversations without the proof that their decision asks for; needs CANDOR_ESTABLISHMENT.",
    )
    purpose: str = Field("quality", description="What recordings are for: a purpose of the rule pack.")
    establishment: str | None = Field(None, description="Where the business is established: `DE`, `US-TX` …")
    agent_location: str | None = Field(None, description="Where agents work, when it is not CANDOR_ESTABLISHMENT.")
    recorder_location: str | None = Field(None, description="Where this machine is, when that is elsewhere.")
    sectors: tuple[str, ...] = Field((), description="Sectors of the rule pack that the business is in (JSON list).")
    unknown_leg: Literal["us", "non-us"] = Field(
        "non-us", description="Where a party without a usable number is taken to be: levels 2 and 3."
    )
    undecided: dict[str, Literal["hold", "refuse"]] = Field(
        {},
        description="By source (JSON object), what happens to calls while nothing can be decided: `hold` (the default) "
        "takes them and keeps nothing until it can; `refuse` does not take them.",
    )
    barred_calls: Literal["refuse", "accept"] = Field(
        "refuse",
        description="What SIPREC and media streams are told of a call that may not be recorded: `refuse` "
        "(603, or closed), or `accept`, and nothing of it is kept.",
    )
    objections: Literal["live", "after"] = Field(
        "live",
        description="Where consent is enforced, whether customers' spoken objections are listened for while calls are "
        "recorded, so that recording stops at once (a process of its own; English with the built-in recogniser), or "
        "looked for in the transcript after the call.",
    )
    beep_hertz: float | None = Field(
        None,
        ge=1000,
        le=2000,
        description="Frequency of the beep that the phone system plays while it records: beeps are then counted in the "
        "sound, and one at least every 20 s is proof that the recording was told.",
    )
    quarantine_days: float = Field(
        30, gt=0, le=3650, description="Days after which a quarantined conversation that nobody resolved is destroyed."
    )
    retention_hours: float = Field(
        1.0, gt=0, le=168, description="Hours from one retention sweep to the next; a sweep destroys what is due."
    )
    disposal_approval: Literal["none", "four-eyes"] = Field(
        "none",
        description="`four-eyes`: sweeps propose what is due, and it is destroyed once a second person approves; who "
        "drafts a retention schedule cannot put it into effect.",
    )
    company: str = Field("", description="Who records, as announcements say it: `Example Bank`.")
    privacy_notice: str = Field(
        "", description="Where the full information is, as it is spoken: `example dot com slash privacy`."
    )
    privacy_contact: str = Field("", description="Where people ask about recordings, as it is spoken.")
    announced_days: int | None = Field(
        None, ge=1, le=36_500, description="Days for which announcements say that recordings are kept."
    )
    announcement_languages: tuple[str, ...] = Field(
        ("en",), min_length=1, max_length=50, description="Languages of announcements, the first choice first (JSON)."
    )
    consent_keys: str = Field(
        "12", pattern=r"^([0-9*#]{2})?$", description="Telephone keys for yes and no; empty: answers are spoken."
    )
    synthesiser: Literal["auto", "flite", "espeak-ng", "festival"] = Field(
        "auto", description="Who speaks announcements; `auto`: the first that is installed and speaks the language."
    )
    public_url: str | None = Field(
        None,
        pattern=r"^https?://[A-Za-z0-9.\-\[\]:]+/?$",
        description="Scheme and host by which phone systems reach Candor: `https://candor.example.com`. Twilio's "
        "signatures are over it, and addresses of announcements begin with it.",
    )
    twilio_tokens: dict[str, SecretStr] = Field(
        {}, description="Auth tokens of Twilio accounts, by a name that stands in the address (JSON object)."
    )
    telephony_hosts: tuple[str, ...] = Field(
        (), description="Hosts to which phone systems may send calls on, or stream them (JSON list)."
    )
    pause_phrases: tuple[str, ...] = Field(
        (),
        description="Phrases of an agent that pause recording (JSON list), two words or more: "
        '`["pause the recording"]`. A process of its own listens for them; see docs/howto/pause-for-card-numbers.md.',
    )
    longest_pause: float = Field(
        0.0,
        ge=0,
        le=7200,
        description="Seconds after which a pause that an agent, a key or a phrase began ends by itself; 0: never.",
    )
    drain_seconds: float = Field(
        10.0, ge=0, le=86_400, description="How long a stopping recorder waits for calls to end by themselves."
    )
    stream_port: int = Field(0, ge=0, le=65535, description="Port for media-stream WebSockets; 0: none.")
    stream_sources: tuple[dict[str, Any], ...] = Field(
        (), description="Who may send media streams (JSON list); see docs/howto/connect-media-streams.md."
    )
    watch: tuple[dict[str, Any], ...] = Field(
        (), description="Folders and buckets to watch (JSON list); see docs/howto/watch-a-folder-or-bucket.md."
    )
    rules_stale_months: int = Field(
        12, ge=1, le=120, description="Months after which a rule of the consent engine is flagged for review."
    )
    zone: str | None = Field(None, description="Time zone (IANA) of times without an offset in call lists.")
    training_copy_days: int = Field(
        0,
        ge=0,
        le=3_650,
        description="Days for which sealed copies of training clips may outlive a conversation whose time is over; 0: "
        "every clip goes with its conversation. Erasure, quarantine and legal holds reach copies as well.",
    )
    coaching_enough: int = Field(
        10, ge=5, le=1_000, description="Conversations below which nothing is said of an agent's gap or of an effect."
    )
    evidence_certificate: Path | None = Field(
        None,
        description="PEM file with the RSA key, certificate and chain that sign evidence packages; without it Candor "
        "makes one of its own, which nobody vouches for.",
    )
    key_password: SecretStr | None = Field(
        None, description="Password of the private key that `candor evidence open` is given; environment only."
    )
    time_stamp_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s]+$",
        description="A time-stamping authority (RFC 3161) that stamps evidence packages; it gets digests only.",
    )
    audit_checkpoints: str | None = Field(
        None,
        description="Where signed checkpoints of the audit log are kept, too: a folder (best on another machine) "
        "or a bucket (`s3://bucket/prefix`). Only one that nobody here can change proves that nothing was cut.",
    )
    audit_checkpoint_lines: int = Field(
        1_000, ge=1, le=1_000_000, description="Lines of the audit log after which a checkpoint is signed."
    )
    audit_checkpoint_minutes: float = Field(
        60, gt=0, le=10_080, description="Minutes after which one is signed when there are new lines."
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="How much is logged.")
    log_json: bool = Field(True, description="Log as JSON lines; else for reading.")

    @field_validator("watch")
    @classmethod
    def _watchable(cls, given: tuple[dict[str, Any], ...]) -> tuple[dict[str, Any], ...]:
        read_places(given)  # raises InvalidInput: better when Candor starts than in every worker
        return given

    @field_validator("reveal_kinds")
    @classmethod
    def _revealable(cls, given: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
        read_policy(given, UserRole)  # raises InvalidInput
        return given

    @field_validator("groups")
    @classmethod
    def _mappable(cls, given: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        Groups(given)  # raises InvalidInput
        return given

    @model_validator(mode="after")
    def _enterable(self) -> Self:
        if self.oidc_issuer is not None and not (self.oidc_client_id and self.groups):
            raise InvalidInput(
                "Single sign-on needs CANDOR_OIDC_CLIENT_ID and CANDOR_GROUPS: without groups nobody could come in.",
                code="settings.oidc",
            )
        if not self.password_login and self.oidc_issuer is None:
            raise InvalidInput(
                "Log-in by password can be switched off only where CANDOR_OIDC_ISSUER is set.", code="settings.oidc"
            )
        return self

    @model_validator(mode="after")
    def _speakable(self) -> Self:
        self.announced  # noqa: B018  raises InvalidInput
        return self

    @field_validator("zone")
    @classmethod
    def _known_zone(cls, given: str | None) -> str | None:
        try:
            ZoneInfo(given or "UTC")
        except (KeyError, ValueError, OSError):
            raise ValueError("not a time zone like Europe/Berlin") from None
        return given

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003  given by the library, not used here
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        given = init_settings().get("data") or os.environ.get("CANDOR_DATA") or default_data_folder()
        toml = TomlConfigSettingsSource(settings_cls, Path(given) / "candor.toml")
        return init_settings, env_settings, toml

    @property
    def hears_objections(self) -> bool:
        """Whether somebody listens for objections while calls are recorded."""
        return self.consent == "enforce" and self.objections == "live"

    @property
    def announced(self) -> Details:
        """What announcements say of this house."""
        keys = Keys(*self.consent_keys) if self.consent_keys else None
        return Details(
            company=self.company, purposes=(self.purpose,), privacy_notice=self.privacy_notice,
            contact=self.privacy_contact, retention_days=self.announced_days, keys=keys,
        )  # fmt: skip

    @property
    def database_url(self) -> str:
        """The product's database."""
        return f"sqlite:///{self.data / 'candor.db'}"

    @property
    def spool(self) -> Path:
        """Calls while they are captured."""
        return self.data / "spool"

    @property
    def engine_url(self) -> str:
        """The engine's own database."""
        return f"sqlite:///{self.data / 'engine.db'}"


def load(**given: Any) -> Settings:
    """Settings from arguments, environment and file, in this order; raises InvalidInput that names what is wrong."""
    try:
        return Settings(**given)
    except ValidationError as error:
        faults = "; ".join(f"{'.'.join(str(part) for part in f['loc'])}: {f['msg']}" for f in error.errors())
        raise InvalidInput(f"A setting is not valid: {faults}.", code="settings.invalid") from None
    except (ValueError, OSError) as error:
        raise InvalidInput(f"The settings cannot be read: {error}.", code="settings.invalid") from error


def _shown(default: object) -> str:
    return json.dumps(default) if isinstance(default, tuple) else str(default)


def markdown() -> str:
    """The reference page."""
    lines = [
        "# Settings",
        "",
        "From the environment, or as lower-case keys without the prefix in `candor.toml` in the data folder.",
        "The environment wins. An unknown key in the file is an error.",
        "",
        "| variable | default | what it does |",
        "|---|---|---|",
    ]
    for name, field in Settings.model_fields.items():
        computed = {"data": "see there", "workers": "one per core"}
        default = computed.get(name) or (
            "none" if field.default in (None, (), {}, "") else f"`{_shown(field.default)}`"
        )
        lines.append(f"| `CANDOR_{name.upper()}` | {default} | {field.description} |")
    return "\n".join(lines) + "\n"
