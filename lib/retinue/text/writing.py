"""How people write: the regular expressions that cut a text into sentences and sentences into tokens.

They are Java's, for Spark. None repeats a group without a bound, since Java recurses there, so that no text
however long overflows its stack.
"""

from __future__ import annotations

__all__ = ["KINDS", "LANGUAGE", "PLAIN", "SENTENCE_END", "TOKEN"]

_LETTERS = r"\p{L}\p{M}"
_IN_WORD = rf"[{_LETTERS}\p{{N}}_&&[^\p{{IsHan}}\p{{IsHiragana}}]]"
_PICTURE = (
    r"[\x{1F000}-\x{1F1E5}\x{1F200}-\x{1F3FA}\x{1F400}-\x{1FAFF}"
    r"\x{2194}-\x{21AA}\x{231A}-\x{23FF}\x{25AA}-\x{27BF}\x{2934}-\x{2935}\x{2B05}-\x{2B55}"
    r"\x{3030}\x{303D}\x{3297}\x{3299}]"
)
_SHADED = rf"{_PICTURE}[\x{{FE0F}}\x{{1F3FB}}-\x{{1F3FF}}]?"
_ALONE = r"(?<![\p{L}\p{N}])", r"(?![\p{L}\p{N}])"

URL = r"(?i:https?://|www\.)[^\s<>\"]*[^\s<>\"'.,;:!?(){}\[\]…]"
ADDRESS = r"[\p{L}\p{N}_.+\-]{1,64}+@[\p{L}\p{N}\-]{1,63}(?:\.[\p{L}\p{N}\-]{1,63}){1,8}"
MENTION = r"(?<![\p{L}\p{N}_])@[\p{L}\p{N}_]+"
HASHTAG = rf"(?<![\p{{L}}\p{{N}}_])[#＃][\p{{N}}_]*[\p{{L}}][{_LETTERS}\p{{N}}_]*"
EMOJI = (
    r"[0-9#*]\x{FE0F}?\x{20E3}"
    r"|[\x{1F1E6}-\x{1F1FF}]{2}"
    rf"|{_SHADED}(?:\x{{200D}}(?:{_SHADED}|[\x{{2640}}\x{{2642}}]\x{{FE0F}}?)){{0,12}}"
    r"[\x{E0020}-\x{E007F}]*"
)
_FACES = (
    r"[<>]?[:;=][\-o*'^]?[)(\]\[}{DPpOo/\\|@*3$]",  # :-) ;P =D
    r"[)(\]\[}{][\-'^]?[:;=](?=\s|$)",  # (:
    r"[xX]D",
    r"</?3",
    r"\^_?\^|-_+-|[oO]_[oO]|[tT]_[tT]|>_<",
    r"¯\\_\(ツ\)_/¯",
)
_STUCK = r"[:;]-?[)(](?=\s|$)"  # great:)
EMOTICON = _ALONE[0] + "(?:" + "|".join(_FACES) + ")" + _ALONE[1] + "|" + _STUCK
NUMBER = rf"\p{{Nd}}+(?:[.,:]\p{{Nd}}+){{0,20}}(?![{_LETTERS}\p{{N}}_])"
WORD = rf"[\p{{IsHan}}\p{{IsHiragana}}]|(?!\p{{M}}){_IN_WORD}+(?:['’ʼ][{_LETTERS}\p{{N}}]+){{0,8}}"

KINDS = {
    "url": URL,
    "address": ADDRESS,
    "mention": MENTION,
    "hashtag": HASHTAG,
    "emoji": EMOJI,
    "emoticon": EMOTICON,
    "number": NUMBER,
    "word": WORD,
}
"""What a token can be, with how each is written; where two could begin, the one that stands first does."""

LANGUAGE = ("word", "number", "hashtag", "emoji", "emoticon")
"""The kinds that are language: whom a text mentions and what it links to are none."""

PLAIN = r"(?![xX]D(?![a-zA-Z]))[a-zA-Z]++(?=[ ,;!?]|$)"
"""Most words: what can be nothing else is not tried as anything else."""

TOKEN = PLAIN + "|" + "|".join(f"(?:{written})" for written in KINDS.values())
SENTENCE_END = r"(?<=[.!?…][\"'”’)\]]{0,3})\s+|(?<=[。！？])|[\r\n]+"
