# compiledai module stopwords@1
"""Words of a request that name nothing: articles, pronouns, verbs of asking."""

from __future__ import annotations

STOP_WORDS = frozenset(
    "a about above actual after again all also am an and another any are as at be been being "
    "between but by can could d did do does doing done each either else every for from further "
    "get gets getting give given gives go going got had has have having he help her here hers "
    "hey hi hello him his how i if in into is it its just kindly know known let lets like ll m "
    "me mine more most much must my need needs now of off on one only or other our ours out "
    "over own please re s same say see she should show shows so some such t tell than thank "
    "thanks that the their them then there these they this those through to too under until up "
    "us use used using ve very want wanted wants was we were what when where which while who "
    "whom whose why will with would you your yours find finds finding calculate calculates "
    "calculating compute determine determines retrieve fetch provide provides look looking "
    "sure okay ok well search tell "
    "what's who's where's i'm i'd i'll i've it's that's there's let's don't can't "
    "check make return give obtain list create display describe explain estimate assuming "
    "assume assumed say suppose based using per s' many much long far information info detail "
    "details value values amount number numbers currently today".split()
)
