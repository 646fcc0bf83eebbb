"""A whole log → its sites, in two readings: one for templates, one for figures."""

from __future__ import annotations

import heapq
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pytest_compiledai.audit.call import Call
from pytest_compiledai.audit.call import number_of
from pytest_compiledai.audit.conversation import Linker
from pytest_compiledai.audit.reading import Tally
from pytest_compiledai.audit.reading import log_files
from pytest_compiledai.audit.reading import read_calls
from pytest_compiledai.audit.site import Site
from pytest_compiledai.audit.templates import SAMPLE_CAP
from pytest_compiledai.audit.templates import Templates
from pytest_compiledai.audit.templates import Words
from pytest_compiledai.audit.templates import head_words
from pytest_compiledai.audit.templates import tail_words

SITE_CAP: Final = 500  # sites told apart; the calls of further ones are counted together

_NAME_WORD = re.compile(r"[^\W\d_]{2,}")
_NAME_WORDS: Final = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Log:
    """What was read, and the sites in it, those with most calls first."""

    tally: Tally
    sites: tuple[Site, ...]
    beyond: int  # calls of sites beyond the cap


def read_log(paths: Sequence[Path]) -> Log:
    """Return the sites of the logs at ``paths``. Raises ``SettingsError``."""
    files = log_files(paths)
    templates = _mine(files)
    tally, linker = Tally(), Linker()
    sites: dict[str | tuple[int, int], Site] = {}
    beyond = 0
    for order, call in enumerate(read_calls(files, tally)):
        key = call.site or templates.find(*_ends(call))
        site = sites.get(key)
        if site is None:
            if len(sites) >= SITE_CAP:
                beyond += 1
                continue
            site = sites[key] = _site(key, templates)
        site.add(call, linker.place(call, order))
    found = sorted(sites.values(), key=lambda site: (-site.calls, site.name))
    return Log(tally=tally, sites=tuple(found), beyond=beyond)


def _mine(files: Sequence[Path]) -> Templates:
    """Return the templates of the calls without a site, mined from a sample of distinct ones."""
    sample: dict[int, tuple[Words, Words]] = {}
    worst: list[int] = []
    for call in read_calls(files, Tally()):
        if call.site is not None:
            continue
        # The hash of the prompt itself: equal prompts count once, in whatever order they come.
        key = number_of(f"{call.system}\x1e{call.first_user}")
        if key in sample or (len(sample) >= SAMPLE_CAP and key > -worst[0]):
            continue
        if len(sample) >= SAMPLE_CAP:
            del sample[-heapq.heappop(worst)]
        heapq.heappush(worst, -key)
        sample[key] = _ends(call)
    return Templates([sample[key] for key in sorted(sample)])


def _ends(call: Call) -> tuple[Words, Words]:
    user = call.first_user
    return head_words(call.system, user), tail_words(user)


def _site(key: str | tuple[int, int], templates: Templates) -> Site:
    if isinstance(key, str):
        return Site(key, named=True)
    words = templates.title(key)
    title = " ".join(words)
    plain = [word.lower() for word in words if _NAME_WORD.fullmatch(word)][:_NAME_WORDS]
    name = "_".join(plain) or "no_template"
    return Site(
        f"{name}_{number_of(repr(templates.both(key))) % 0xFFFF:04x}", named=False, title=title
    )
