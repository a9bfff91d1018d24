"""Second factors: codes from an authenticator app (RFC 6238), passkeys (WebAuthn level 3), recovery codes.

In: what a browser shows. Out: nothing, or an error. An app's secret is sealed, a passkey's public key is no secret,
recovery codes are kept as digests and each works once.
"""
