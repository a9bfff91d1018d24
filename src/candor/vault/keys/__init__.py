"""Master keys: which there are, which of them seals, how they are found, checked and exchanged.

In: tables of the settings (:mod:`reading`). Out: a :class:`ring.KeyRing`, which wraps every data key under the first
key and unwraps with whichever it was wrapped by. Exchanging a master key (:mod:`rotation`) wraps data keys anew and
never touches media.
"""
