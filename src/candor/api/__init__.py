"""The REST API, version 1: one file per noun under ``/api/v1``; errors are RFC 9457 problems.

Programs come with a bearer token (RFC 6750), pages with their session's cookie and, for changes, its CSRF token.
"""
