"""What travels through the product: a customer conversation, in the words of the vCon standard.

Frozen values with their invariants and no I/O. ``model`` is who, when and where; ``transcript`` what was said;
``finding`` what was noticed; ``evaluation`` how it was judged; ``codec`` turns any of them into JSON and back.
Times inside a conversation are seconds from its start, as floats; moments are aware datetimes in UTC.
"""
