"""Calls while they are being captured: sealed on disk within a second of their arrival.

Enter: rows of packets and events from the protocols. Leave: finished calls, whole or cut where the recorder died, for
the pipeline to make conversations of. One file a call, sealed record by record; nothing is ever written in the clear.
"""
