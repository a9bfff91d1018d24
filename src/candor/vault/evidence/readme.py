"""How to check a package without Candor; goes into each."""

from __future__ import annotations

from candor.vault.evidence.model import AUDIT, CERTIFICATE, CHECKPOINT, CUSTODY, LOG_KEY, MANIFEST, STAMP


def text(recording: str | None) -> str:
    """For people without Candor; ``recording`` is the original's name in the archive."""
    sound = f"\n   sha512sum {recording}" if recording else ""
    return f"""How to check this package without Candor
=========================================

You need python3 and openssl, and the certificate (or its fingerprint) of the company, from the company itself.

1. The certificate is theirs: compare the fingerprint with the one that they name.

   openssl x509 -in {CERTIFICATE} -noout -subject -issuer -dates -fingerprint -sha256

2. The manifest is signed by it ({MANIFEST} is JWS in General JSON form, RFC 7515). This must say "Verified OK":

   python3 - <<'END'
   import base64, json
   document = json.load(open("{MANIFEST}")); signature = document["signatures"][0]
   decode = lambda text: base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
   open("signed.bin", "w").write(signature["protected"] + "." + document["payload"])
   open("signature.bin", "wb").write(decode(signature["signature"]))
   open("manifest.json", "wb").write(decode(document["payload"]))
   END
   openssl x509 -in {CERTIFICATE} -noout -pubkey > signer.pub
   openssl dgst -sha256 -verify signer.pub -signature signature.bin signed.bin

3. Every file has the SHA-512 that manifest.json says, and manifest.json names every file:
{sound}
   sha512sum *.json *.vcon *.pdf *.pem *.note *.key *.txt

4. Where there is a time-stamp, an authority saw the signed manifest at that time (RFC 3161):

   openssl ts -reply -in {STAMP} -text
   openssl ts -verify -data {MANIFEST} -in {STAMP} -CAfile AUTHORITY.pem

5. {AUDIT} holds every line of the audit log about this conversation, each with its inclusion proof (RFC 9162) under
   {CHECKPOINT} (C2SP tlog-checkpoint), which {LOG_KEY} checks (C2SP signed-note).

What this shows: that these files are as they were when they were signed, that the recording has the digest with which
it was taken in ({CUSTODY} says where card verification codes were cut out since), and who handled it, as far as the
audit log goes. What it cannot show: that the recording was not
changed before it was taken in.
"""
