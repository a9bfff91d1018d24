"""The browser door: server-rendered pages, a little script on top, no rules of the domain.

In: the services. Out: an ASGI application to mount at the root (``create_web``). Every page can be
read without script, meets WCAG 2.2 AA, and runs under a Content-Security-Policy without inline script or style.
"""

from candor.web.app import create_web

__all__ = ["create_web"]
