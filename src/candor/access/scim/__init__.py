"""SCIM 2.0 (RFC 7643, RFC 7644): an identity provider keeps people and groups here, by itself.

In: resources and patches as JSON objects, from a token that may ``user:provision``. Out: the same shapes. It sees the
people whom an identity provider keeps, and no others: an administrator made by hand is out of its reach.
"""
