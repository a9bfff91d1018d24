"""All master keys that are configured: the first seals, every one opens what was sealed under it.

Here a wrapped key is bound to its *tenant*: the random name that a data folder is given when it is made. So nothing
that one Candor sealed can be passed off as another's, although both may use the same key of the same key service.
"""

from __future__ import annotations

from candor.errors import Damaged, WrongKey
from candor.vault.ports import MasterKey

UNBOUND = 0
"""Form of a wrapped key from before 1.0: bound to its object, not to its tenant. Read, never written."""
BOUND = 1
"""Form of a wrapped key since 1.0."""


class KeyRing:
    """Wraps and unwraps; used by any number of threads."""

    def __init__(self, sealing: MasterKey, *opening: MasterKey, tenant: str = "") -> None:
        self.sealing, self.tenant = sealing, tenant
        self.keys = (sealing, *opening)
        self._by_id = {key.key_id: key for key in reversed(self.keys)}

    @property
    def key_id(self) -> str:
        """Of the key that seals."""
        return self.sealing.key_id

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """``data_key`` under the key that seals, bound to tenant and ``context``; raises Unavailable, WrongKey."""
        return self.sealing.wrap(data_key, self._bound(context, BOUND))

    def unwrap(self, key_id: str, wrapped: bytes, context: bytes, form: int = BOUND) -> bytes:
        """The data key. Raises WrongKey (not among ours, or not what it was wrapped with), Unavailable."""
        if form > BOUND:
            raise Damaged(
                "This was sealed by a later version of Candor.",
                code="vault.newer",
                advice="Use that version to open it.",
            )
        return self.of(key_id).unwrap(wrapped, self._bound(context, form))

    def of(self, key_id: str) -> MasterKey:
        """The key of that name; raises WrongKey."""
        key = self._by_id.get(key_id)
        if key is None:
            raise WrongKey(
                f"This was sealed under the master key {key_id}, and {', '.join(self._by_id)} is configured.",
                advice=RIGHT_KEY,
            )
        return key

    def _bound(self, context: bytes, form: int) -> bytes:
        return context if form == UNBOUND else b"candor.tenant.1\0" + self.tenant.encode() + b"\0" + context


RIGHT_KEY = "Configure the key file, passphrase or key service that this data folder was made with."
