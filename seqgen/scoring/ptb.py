"""Captions cut into tokens by the rules of the Penn Treebank, punctuation left out.

The scores of captions are counted over such tokens (Chen et al. 2015, "Microsoft COCO Captions:
Data Collection and Evaluation Server"): contractions come apart, hyphened words stay whole, all
is in lower case. Scores of differently cut text cannot be compared.
"""

from __future__ import annotations

import html
import re

# What the evaluation of COCO leaves out, exactly: other marks, such as "!?" or "&", count as
# words there, and so do round brackets, which the Treebank writes as -lrb- and -rrb-.
PUNCTUATION = frozenset(["''", "'", "``", "`", ".", "?", "!", ",", ":", "-", "--", "...", ";"])

# Curly and angled quotes, dashes, the ellipsis, brackets: as the Treebank writes them.
_ALIKE = str.maketrans(
    {
        **dict.fromkeys('"\u201c\u201d\u00ab\u00bb', " '' "),
        **dict.fromkeys("\u2018\u2019", "'"),
        **dict.fromkeys("\u2013\u2014", " -- "),
        "\u2026": " ... ",
        "(": " -lrb- ",
        ")": " -rrb- ",
        "[": " -lsb- ",
        "]": " -rsb- ",
        "{": " -lcb- ",
        "}": " -rcb- ",
    }
)
_TOKEN = re.compile(
    r"""
    -[lr][rsc]b-                                        # a bracket, as written above
  | https?://[^\s"<>]*[^\s"<>.,;:!?]                    # addresses
  | [\w.%+-]+@[a-z0-9-]+(?:\.[a-z0-9-]+)+
  | @\w+
  | can(?=not\b) | (?:gon|wan)(?=na\b) | got(?=ta\b) | (?:gim|lem)(?=me\b)   # can not, gon na
  | n't\b | '(?:s|m|d|ll|re|ve|em)\b | '?n'(?=\W)       # what comes off a word
  | '?\d\ds\b                                           # '90s
  | (?:[^\W\d_]\.)+(?!\w)                               # u.s., a.m., an initial
  | (?:mr|mrs|ms|dr|prof|st|sr|jr|co|inc|ltd|corp|vs|etc|lt|gen|sgt|capt|rev|gov|dept|ave|mt|ft
      |ph\.d)\.
  | no\.(?=\s*\d)                                       # a number, not a refusal
  | \d+(?:[.,:/]\d+)+(?:-\w+)*                          # 5.50, 3/4, 5:30, 1,000-piece
  | (?-i:[A-Z]+(?:&[A-Z]+)+)\b                          # AT&T
  | \w+?(?=n't\b)                                       # did, before n't
  | \w+(?:(?:[-./]|'(?!(?:s|m|d|ll|re|ve|t)\b))\w+)*    # t-shirt, black/white, o'clock, a.com
  | \.\.\. | -{2,} | [!?]+ | ''
  | \S
    """,
    re.VERBOSE | re.IGNORECASE,
)


def caption_tokens(text: str) -> list[str]:
    """The tokens of a caption in lower case, without ``PUNCTUATION``.

    >>> caption_tokens("A man's black-and-white dog can't swim.")
    ['a', 'man', "'s", 'black-and-white', 'dog', 'ca', "n't", 'swim']
    """
    tokens = _TOKEN.findall(html.unescape(text).translate(_ALIKE))
    return [token.lower() for token in tokens if token not in PUNCTUATION]
