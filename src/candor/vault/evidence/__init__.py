"""Evidence: one archive that shows, on any machine and without Candor's data, what a recording was and is.

In: the members that the pipeline gathers of one conversation. Out: a signed package (RFC 7515 signatures with X.509
certificates, RFC 9162 inclusion proofs, RFC 3161 time-stamps), and in words what of a package holds. Sealed for one
recipient it is a JWE (RFC 7516).
"""
