"""One version of a scorecard over many past conversations: to see what it would say, or to judge them anew.

The conversations are cut into parts. Any process takes a free part, holds it for a while, and delivers its result in
the unit of work that ends the part; a part whose holder died is free again when its time is over. So many processes
can help, any can be killed, and nothing counts twice.
"""
