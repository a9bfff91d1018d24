"""Sound → utterances with word times.

In: working sound (``kit.sound.SoundSource``), a language, the roles of channels. Out: a ``conversation.Transcript``:
per channel, words with times and confidences, utterances in call order, notes on what could not be heard.
Times are seconds from the start of the call; languages are BCP 47 tags (RFC 5646).
"""
