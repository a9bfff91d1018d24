"""Personal data to masked spans, in text and in sound.

In: a Transcript (with times where there is sound) and working sound. Out: a Redaction, which holds no personal data,
and a copy of the sound in which nothing masked can be heard. What counts as personal data follows GDPR art. 4(1);
card data follows PCI DSS v4.0.1, requirements 3.3.1 (never store CVV) and 3.4 (mask the number).
"""
