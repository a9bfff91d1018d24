# ruff: noqa: E501, SIM905  (word lists read better as lines of words)
"""The call-centre lexicon on top of VADER's: what words and phrases are worth on a call, -4 to 4.

Own work. VADER's valences are a mean of ten people's -4 … 4; these are set on the same scale.
"""

from __future__ import annotations

NEUTRAL = frozenset(
    """
    please help helping helped helps care number sure share interest interested interests security secure secured
    charge charged charges credit debit pay trust agree agreed ok okay yes no hand heaven true well natural safe
    order join support supports supported share shares kind play free freely value values benefit benefits certain
    certainly concern concerned concerning block blocked cut alert policy death fire emergency chance challenge dear
    energy matter matters opportunity pressure reach ready stop stopped cancel cancelled canceled cancelling
    canceling alone low lower demand like number hello greeting welcome definitely fun top number apologise
    apologize apologies apology sorry regret promise promised clear clearly clean important solid straight thank
    thanks greet ha fine lost warning crash outstanding
    """.split()
)
"""Words that VADER feels about and callers do not ("I'd like to pay the outstanding charge with my credit card")."""

VALENCE: dict[str, float] = {
    "thanks": 1.3, "thank": 1.3, "cheers": 1.2, "grateful": 2.4, "appreciate": 1.8, "helpful": 2.2, "brilliant": 2.9,
    "lovely": 2.4, "perfect": 2.7, "wonderful": 2.8, "fantastic": 2.8, "excellent": 2.8, "superb": 3.0, "awesome": 2.8,
    "amazing": 2.7, "relieved": 2.0, "relief": 1.9, "patient": 1.4, "quick": 1.2, "quickly": 0.9, "fast": 1.0,
    "pleasure": 1.6, "pleased": 2.0, "delighted": 2.8, "happy": 2.4, "impressed": 2.3, "efficient": 1.9, "polite": 1.7,
    "solved": 1.7, "resolved": 1.7, "fixed": 1.5, "sorted": 1.5, "works": 1.3, "working": 0.8, "kind": 1.5,
    "fine": 0.7, "useful": 1.8, "clearer": 1.2,
    "overcharged": -2.3, "overcharge": -2.0, "overbilled": -2.2, "unacceptable": -2.9, "ridiculous": -2.5,
    "appalling": -3.1, "disgraceful": -3.1, "disgusted": -2.9, "disgusting": -2.9, "outrageous": -2.8, "absurd": -2.2,
    "incompetent": -2.7, "rude": -2.4, "useless": -2.6, "pathetic": -2.6, "shocking": -2.3, "ripoff": -2.8,
    "scam": -2.7, "scammed": -2.8, "fraud": -2.6, "thieves": -2.8, "lie": -2.3, "lies": -2.4, "lied": -2.6,
    "liars": -2.8, "nonsense": -2.0, "joke": -1.9, "refuse": -1.6, "refused": -1.7, "ignored": -1.9, "ignoring": -1.9,
    "broken": -1.7, "faulty": -1.7, "broke": -1.5, "outage": -1.6, "crashes": -1.8, "crashing": -1.8, "crashed": -1.7,
    "freezes": -1.4, "freezing": -1.4, "slow": -1.3, "slowly": -1.0, "late": -1.2, "delayed": -1.5, "delay": -1.3,
    "delays": -1.4, "missing": -1.3, "damaged": -1.8, "wrong": -1.8, "incorrect": -1.5, "error": -1.3, "errors": -1.4,
    "smashed": -2.2, "cracked": -1.7, "torn": -1.6, "dented": -1.7, "leaking": -1.5, "ruined": -2.4, "complain": -2.0, "complaint": -2.0, "complaining": -2.0, "complaints": -2.0, "disappointed": -2.2,
    "disappointing": -2.2, "frustrated": -2.3, "frustrating": -2.3, "annoyed": -2.0, "annoying": -2.0, "angry": -2.4,
    "upset": -2.0, "furious": -3.0, "fuming": -2.8, "unhappy": -2.1, "dissatisfied": -2.3, "stressed": -1.8,
    "worried": -1.6, "confused": -1.2, "confusing": -1.4, "worst": -3.1, "terrible": -2.8, "horrible": -2.8,
    "awful": -2.7, "lawyer": -1.3, "court": -1.2, "ombudsman": -1.5, "elsewhere": -1.3, "damn": -1.9, "bloody": -1.7,
    "nobody": -0.9, "unprofessional": -2.5, "unreliable": -2.0, "expensive": -1.3, "unfair": -2.2, "misled": -2.3,
    "stuck": -1.2, "waste": -1.9, "wasted": -2.0, "wasting": -2.0, "mess": -1.7, "nightmare": -2.6, "disaster": -2.6,
    "hopeless": -2.3, "failed": -1.7, "fails": -1.6, "impossible": -1.5, "twice": -0.3, "crap": -2.3, "idiot": -2.6,
    "idiots": -2.7, "tired": -1.3, "sick": -1.4, "shameful": -2.6, "inconvenience": -1.2, "inconvenient": -1.4,
    "problem": -1.1, "problems": -1.2, "issue": -0.8, "issues": -0.9, "trouble": -1.3, "unable": -1.1,
}  # fmt: skip
"""Words as they weigh on calls."""

PHRASES: tuple[tuple[str, float], ...] = (
    # trouble
    (
        r"never (?:\w+ )?(?:seen|had|heard|met|known|experienced) such (?:an? )?(?!good|great|nice|kind|help|friend|excell|love|quick|fast)\w+(?: \w+)?",
        -2.8,
    ),
    (
        r"(?:promise[ds]?|says?|said|told me|tells me)(?: me)? (?:that )?(?:it|this|that) (?:is|was|would be|will be|has been|had been) (?:fixed|solved|resolved|sorted|done)",
        -1.3,
    ),
    (r"(?:want|need|get|wanted|have) (?:it|this|that) (?:to be )?(?:fixed|solved|resolved|sorted)(?: out)?", -0.9),
    (r"(?:hung up|cut me off|walked away|shouted at|yelled at|laughed at|talked down to)(?: on)?", -2.2),
    (r"(?:not|isn't|wasn't) what i (?:was|have been|had been|expected|paid|wanted|said|meant|agreed)(?: \w+)?", -1.8),
    (r"(?:all )?over again", -1.7),
    (r"if (?:this|it|that) (?:goes on|continues|happens again|keeps (?:on|up)|isn't|is not)", -1.4),
    (r"(?:want|give me|get|demand|like) my money(?: back)?", -1.3),
    (r"do(?:n't| not) (?:you )?(?:tell me|dare|even|bother|lie to me)", -1.8),
    (
        r"(?:not my|your own|isn't my) (?:problem|fault|department|job)|nothing (?:else |more )?(?:that )?(?:i|we) can do|(?:you )?should have (?:read|called|known|thought)",
        -2.2,
    ),
    (r"(?:put |been |was |kept |left |sat )?(?:back )?on hold (?:for |again|forever|all)[^,.!?]{0,25}", -2.4),
    (r"(?:(?:an|another|half an|two|three|one) )?(?:hours?|minutes?) on hold", -2.2),
    (r"(?:been |was )?(?:waiting|waited) (?:for )?(?:\w+ ){0,2}(?:hours?|days?|weeks?|months?|minutes?|forever)", -2.0),
    (
        r"still (?:waiting|not|no|nothing|have(?:n't| not)|has(?:n't| not)|does(?:n't| not)|is(?:n't| not)|can(?:'t|not))",
        -2.0,
    ),
    (
        r"(?:charged?|charging|billed?|billing|paid|pay)(?: \w+){0,3} twice|double[- ]charged?|twice for the same(?: \w+)?",
        -2.2,
    ),
    (r"(?:second|third|fourth|fifth|sixth|tenth|hundredth) time", -1.8),
    (
        r"(?:called|phoned|rang|told|asked|explained|written)(?: \w+){0,3} (?:twice|(?:two|three|four|five|six|several|many) times|again and again)",
        -2.0,
    ),
    (
        r"(?:over and over|again and again|every single time|going (?:round|around) in circles|passed (?:around|from)(?: \w+){0,3})",
        -1.8,
    ),
    (
        r"(?:nobody|no one|no-one|none of you)(?: \w+){0,2} (?:called|came|come|rang|answers?|answered|helps?|helped|listens?|listened|knows?|cares?|wrote|showed|bothered|replied)(?: \w+)? ?(?:back)?",
        -2.5,
    ),
    (
        r"never (?:\w+ )?(?:called|came|arrived|received|got|showed|replied|heard|works?|worked|turned up|told|delivered)(?: me)?(?: back)?",
        -2.1,
    ),
    (
        r"(?:did(?:n't| not)|has(?:n't| not)|have(?:n't| not)|was(?:n't| not)) (?:been )?(?:arrived?|delivered|come|came|received?|refunded|fixed|solved|resolved|show(?:ed|n)? up|called?(?: me)? back|helped|help|turned up)(?: at all)?",
        -1.9,
    ),
    (
        r"(?:does(?:n't| not)|do(?:n't| not)|is(?:n't| not|nt)|won't|will not|not|stopped|no longer|did(?:n't| not)) (?:even )?(?:work(?:s|ing|ed)?|connect(?:ing)?|load(?:ing)?|respond(?:ing)?|turn on|start)(?: at all| properly| again| anymore)?",
        -1.9,
    ),
    (r"nothing (?:works|worked|happened|happens|changed|helps|helped)", -2.0),
    (
        r"keeps? (?:on )?(?:dropping|crashing|freezing|disconnecting|cutting out|failing|happening|restarting|going down)",
        -2.0,
    ),
    (r"(?:is|was|are|been|went|gone|goes) (?:\w+ )?down(?: again| since| for)?", -1.5),
    (
        r"(?:fed up|sick and tired|had enough|sick of|tired of|at my wits'? end|lost (?:my )?patience|losing (?:my )?patience)",
        -2.8,
    ),
    (r"(?:waste|wasting|wasted) (?:of )?(?:my|our)? ?(?:whole )?(?:time|day|morning|afternoon|money)", -2.4),
    (
        r"(?:not|isn't|wasn't|hardly) (?:good enough|acceptable|okay|ok|right|fair|what i (?:ordered|asked for|signed up for)|true|happy|satisfied|helpful|helping|impressed|pleased)",
        -2.2,
    ),
    (r"(?:speak|talk) (?:to|with) (?:a|your|the|someone) ?(?:supervisor|manager|boss|superior|in charge|else)", -1.6),
    (r"(?:get|give) me (?:a|your|the) (?:supervisor|manager|boss)", -1.9),
    (
        r"(?:taking|take|going) (?:my )?(?:business|custom)? ?elsewhere|(?:switch|switching|moving|move|go|going) to (?:another|a different|a competitor|your competitor)[^,.!?]{0,15}",
        -2.0,
    ),
    (r"(?:cancel|cancelling|close|closing) (?:everything|(?:my|the|our|this)(?: \w+)?)", -0.9),
    (r"(?:see you in court|sue you|legal action|take you to court|my (?:lawyer|solicitor|attorney))", -2.5),
    (r"(?:shame on you|screw you|go to hell|shut up|what the hell|rip[- ]?off|ripped(?: me)? off)", -3.0),
    (
        r"(?:do your (?:\w+ )?job|are you (?:even )?listening|are you kidding(?: me)?|you must be joking|what kind of (?:company|service|support)|how hard can it be|is anyone (?:there|listening))",
        -2.4,
    ),
    (r"(?:let me finish|stop interrupting|do(?:n't| not) interrupt|listen to me|you(?:'re| are) not listening)", -2.2),
    (r"(?:i )?(?:do(?:n't| not)|did(?:n't| not)) (?:care what|believe (?:this|you|it)|trust(?: you)?)", -2.0),
    (
        r"(?:can't|cannot|can not) (?:believe (?:this|it|you|how)|(?:go on|live) like this|afford[^,.!?]{0,15}|accept(?: this| that)?)",
        -2.0,
    ),
    (r"(?:too|so|very) (?:high|expensive|long|slow|late|much money|complicated)", -1.7),
    (
        r"(?:money|charge|amount|payment|fee)s?(?: \w+){0,2} (?:i|we) (?:do(?:n't| not)|did(?:n't| not)|never) (?:owe|make|authori[sz]e|agree|order|recogni[sz]e)(?: to)?",
        -2.0,
    ),
    (r"(?:(?:do(?:n't| not)|did(?:n't| not)|never) (?:recogni[sz]e|authori[sz]ed?|agreed? to))", -1.4),
    (r"(?:thanks|thank you) for nothing", -3.0),
    (
        r"(?:for the last time|how many (?:more )?times|yet again|not again|here we go again|same (?:old )?(?:problem|issue|story) again|again with)",
        -2.1,
    ),
    (r"(?:lost my job|made redundant|passed away|died|in hospital|struggling)", -2.0),
    (r"(?:took|take|taken) (?:a|the) (?:whole )?day off", -1.0),
    (r"(?:promised|told me|said) (?:\w+ ){0,6}(?:but|and) (?:nothing|nobody|it never|you never|no one|still)", -2.4),
    (r"(?:you|they) (?:people )?(?:just )?(?:don't|do not|never) (?:care|listen|answer|help|know)", -2.4),
    (r"without (?:internet|power|service|heating|a connection|a phone|water|any warning|asking)", -1.7),
    (r"(?:wrong|incorrect) (?:item|amount|size|address|bill|product|order|information|department)", -1.9),
    (r"(?:higher|more) than (?:it should be|agreed|expected|i agreed|usual|last month|before)", -1.3),
    # relief and praise
    (
        r"(?:no|without (?:a|any)|not a|isn't a|any) (?:problems?|issues?|worries|trouble|rush|complaints?|bother)(?: at all)?",
        0.6,
    ),
    (
        r"(?:problem|issue|it|that|this|everything)(?:'s| is| has been| was| got)? (?:been )?(?:all |now |finally )?(?:solved|fixed|resolved|sorted)",
        2.2,
    ),
    (
        r"(?:it|that|this|internet|everything)(?:'s| is| does)? (?:works?|working|back|fine)(?: now| again| perfectly| fine| online| great)+",
        2.2,
    ),
    (r"(?:that|this|it) (?:worked|works|helps|helped|did it|did the trick)(?: a lot| perfectly)?", 2.1),
    (
        r"(?:thank you|thanks) (?:so|very) much(?: for your (?:help|time|patience))?|thanks a (?:lot|million|bunch)|many thanks",
        2.6,
    ),
    (
        r"(?:(?:you(?:'ve| have)|you were|you are|you're) (?:been )?(?:so |very |really |most |incredibly |extremely )?(?:helpful|kind|great|patient|wonderful|amazing|a star|a lifesaver|quick))",
        3.0,
    ),
    (
        r"made my day|life ?saver|weight off my (?:mind|shoulders)|above and beyond|couldn't (?:be|have been) (?:happier|better|easier)|can't thank you enough|not bad(?: at all)?|(?:couldn't|could not) ask for more",
        3.0,
    ),
    (r"(?:i )?(?:really |do |very much )?appreciate (?:it|that|your help|your time|you)", 2.2),
    (
        r"(?:that(?:'s| is|'d be| would be| sounds)|sounds) (?:so |very |really |absolutely )?(?:great|good|perfect|wonderful|lovely|brilliant|fantastic|excellent|fine by me)",
        2.3,
    ),
    (r"(?:much|a lot|so much|already|feel) (?:better|easier|clearer)", 1.9),
    (r"(?:quicker|easier|faster|better) than i (?:thought|expected|hoped)", 2.4),
    (r"(?:first time (?:anyone|anybody|someone|somebody)|finally someone|finally somebody)(?: \w+){0,4}", 1.6),
    (r"good (?:news|job|service|to (?:know|hear))|well done|nice (?:job|work)", 2.0),
)
"""Regular expressions that count as one word. In order: the first that fits takes the words."""

COURTESY = (
    r"good (?:morning|afternoon|evening|day)(?: to you)?",
    r"(?:thank you|thanks) (?:very much |so much )?for (?:calling|phoning|ringing|contacting|choosing|holding|waiting|your (?:patience|call|time|business|loyalty|payment|order|understanding)|being (?:a|our)|confirming|verifying|providing|letting|that)(?: \w+){0,3}",
    r"how (?:can|may|could) (?:i|we) (?:help|assist)(?: you)?(?: today)?",
    r"(?:is there )?anything else (?:that )?(?:i|we) (?:can|could|may) (?:help|assist|do)(?: \w+){0,4}",
    r"have (?:a|yourself a) (?:very )?(?:nice|good|great|lovely|wonderful|pleasant) (?:rest of (?:your|the) )?(?:day|evening|weekend|afternoon|morning|one|night)",
    r"(?:happy|glad|pleased|delighted) to (?:help|assist|be of)(?: \w+)?",
    r"(?:it(?:'s| is| was) )?my pleasure|you(?:'re| are) (?:very |most )?welcome|nice to (?:meet|speak)(?: \w+)?",
    r"(?:with|best|kind) regards|dear (?:sir|madam)|welcome to",
    r"(?:i(?:'m| am)|we(?:'re| are)) (?:very |so |really |truly |terribly )?sorry(?: to hear (?:that|this|about))?(?: for (?:the|any|this|that)(?: \w+)?)?",
    r"sorry(?:,)? (?:could|can|what|i did(?:n't| not)|i (?:missed|did)|say|pardon)(?: \w+){0,2}",
    r"excuse me|pardon me|no,? thank you|no,? thanks|yes,? please|take care|go ahead",
    r"(?:that(?:'s| is) )?(?:all )?(?:great|perfect|lovely|excellent|wonderful|good),? (?=(?:thank you|thanks)?,?(?: and)? ?(?:can|could|may|what|let|and|now|your|just)\b)",
)
"""Formulas that are said whatever one feels."""

PRAISE = (
    r"great", r"wonderful", r"brilliant", r"lovely", r"fantastic", r"perfect", r"excellent", r"amazing", r"nice",
    r"(?:thanks|thank you) (?:a lot|so much|very much) for", r"thanks a (?:lot|bunch)", r"well done", r"congratulations", r"good job", r"bravo",
    r"how (?:nice|lovely|helpful|wonderful|convenient|generous)", r"just what i (?:needed|wanted)", r"(?:real|very|so|really) helpful",
    r"love(?:d)? (?:it when|being|how|waiting|sitting|paying|that)", r"superb", r"marvellous", r"marvelous", r"impressive", r"good luck with that",
    r"big surprise", r"what a surprise", r"lucky me", r"enjoy(?:ed)? (?:being|waiting|sitting|paying|listening)", r"top notch", r"outstanding service",
)  # fmt: skip
"""Praise that turns round when it meets trouble."""

TROUBLE = (
    r"on hold", r"another (?:hour|day|week|fee|charge|bill|transfer|department|delay|month|outage|menu|robot)", r"hours? (?:of|on|in)", r"yet another", r"again",
    r"still (?:waiting|broken|down|no|the same)", r"charged (?:me )?twice", r"double (?:charge|bill)\w*", r"overcharg\w+",
    r"hung up", r"cut (?:me )?off", r"transferred", r"broken", r"never", r"nobody", r"no one", r"lost my", r"for nothing", r"ignor\w+", r"late", r"delayed?",
    r"third time", r"fourth time", r"second time", r"fifth time", r"wrong", r"waiting (?:for|in|a|all)", r"waited", r"the queue", r"hold music", r"crash\w*", r"down", r"twice", r"wasted?",
    r"losing", r"extra (?:fee|charge|money)", r"hidden", r"does(?:n't| not) work", r"not working", r"music for", r"three weeks|two weeks|all day|all morning|whole day",
)  # fmt: skip
"""What nobody is pleased about."""
