"""Characters that a reader does not see or takes for a space, or that end a line only for some.

The ranges stand here as numbers, not as categories, because requests are content-addressed and
Python's tables of categories differ between its versions. Source: Unicode's property
Default_Ignorable_Code_Point, and the controls and separators that JSON leaves unescaped. Spaces
that look like U+0020 (property Space_Separator) are among them: a model that answered an input with
one gave back U+0020, and its own answer refused the program that copied as it should.
"""

from __future__ import annotations

import json
import re
from typing import Final

HIDDEN: Final = re.compile(
    "[\x7f-\xa0\xad\u034f\u061c\u115f\u1160\u1680\u17b4\u17b5\u180b-\u180f\u2000-\u200f"
    "\u2028-\u202f\u205f-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
#: What a text that is frozen may not hold: controls but for line ends and tabs, and characters
#: without a width; those that choose a sign's form, as in an emoji, may stand.
UNSEEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\U000e0000-\U000e007f]"
)


def shown(json_text: str) -> str:
    """Return the same JSON with every hidden character as its escape."""
    return HIDDEN.sub(lambda match: json.dumps(match[0])[1:-1], json_text)
