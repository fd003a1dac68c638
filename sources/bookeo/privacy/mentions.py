"""Recognize people in free text, in any usual spelling, by keyed digests of what identifies them. No I/O.

What identifies a person is normalized to a canonical form before it is compared:

- A *phrase* (a full name, an e-mail address, an id) becomes its words without case, accents and punctuation, in
  alphabetical order: `Lee, Ann`, `ANN  LEE` and `ann lee` are one.
- A *phone number* becomes its last eight digits: `+61 400 123 777` and `0400123777` are one.

A text is searched for canonical forms by trying every run of so many words, and every run of eight digits, that it has.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from bookeo.errors import SettingsError
from bookeo.schema.model import Items, Node, Record, Scalar

SHORTEST_PHRASE = 5
"""Letters and digits of a phrase that is looked for; shorter ones occur in other people's texts by chance."""
SHORTEST_WORD = 6
"""Characters of a phrase of one word, such as an id."""
PHONE_DIGITS = 8
"""Digits by which a phone number is known; country and trunk prefixes come before them."""

_DIGEST_BYTES = 12
_CHECK = "which key"
_TEXTS_REMEMBERED = 10_000
_WORD = re.compile(r"[^\W_]+")
_DIGITS = re.compile(r"\d(?:[\s()./-]{0,3}\d)+")


@dataclass(frozen=True)
class Identifiers:
    """What identifies people, in canonical form.

    Args:
        phrases: Words of names, e-mail addresses and ids, sorted, joined by a space.
        phones: Last digits of phone numbers.
    """

    phrases: frozenset[str] = field(default=frozenset(), repr=False)
    phones: frozenset[str] = field(default=frozenset(), repr=False)

    @classmethod
    def of(cls, phrases: Iterable[str | None], phones: Iterable[str | None] = ()) -> Identifiers:
        """Normalize names, addresses, ids and phone numbers.

        Args:
            phrases: Full names, e-mail addresses and ids as they are spelled; None and what is too short is left out.
            phones: Phone numbers as they are spelled; those of fewer than eight digits are left out.

        Returns:
            Their canonical forms.
        """
        normalized = {canonical_phrase(words(phrase)) for phrase in phrases if phrase}
        numbers = {"".join(filter(str.isdigit, phone)) for phone in phones if phone}
        return cls(
            frozenset(phrase for phrase in normalized if _is_telling(phrase)),
            frozenset(number[-PHONE_DIGITS:] for number in numbers if len(number) >= PHONE_DIGITS),
        )

    def __or__(self, other: Identifiers) -> Identifiers:
        return Identifiers(self.phrases | other.phrases, self.phones | other.phones)

    def __bool__(self) -> bool:
        return bool(self.phrases or self.phones)

    def found_in(self, text: str) -> bool:
        """Tell whether a text names one of them.

        Args:
            text: Any text, not JSON-escaped.

        Returns:
            Whether one of the identifiers occurs in it, in any spelling.
        """
        counts = {phrase.count(" ") + 1 for phrase in self.phrases}
        return any(form in self.phrases for form in phrases_in(text, counts)) or (
            bool(self.phones) and any(form in self.phones for form in phones_in(text))
        )


@dataclass(frozen=True)
class Mentions:
    """Identifiers of forgotten people, known by keyed digests alone: nothing can be read from them without the key.

    Args:
        digests: By the check of a key, the digests made with it.
        word_counts: Numbers of words that the phrases have.
        keys: The keys at hand, by their checks.
    """

    digests: Mapping[str, frozenset[str]] = field(default_factory=dict)
    word_counts: frozenset[int] = frozenset()
    keys: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @classmethod
    def from_state(cls, state: Mapping[str, Any], keys: Collection[bytes]) -> Mentions:
        """Read what `as_state` wrote.

        Args:
            state: JSON object; empty if nobody is mentioned.
            keys: Keys that may have been used.

        Returns:
            The mentions, with the keys that they need.

        Raises:
            SettingsError: None of the keys is the one that was used.
        """
        digests = {check: frozenset(made) for check, made in (state.get("digests") or {}).items()}
        by_check = {_digest(key, _CHECK): key for key in keys}
        if not digests.keys() <= by_check.keys():
            raise SettingsError(
                "Forgotten people are recognized by digests that need the privacy_key that was set when they were "
                "forgotten; the present one is another, or is missing. Set it again under [sources.bookeo]."
            )
        return cls(digests, frozenset(state.get("word_counts") or ()), {check: by_check[check] for check in digests})

    def as_state(self) -> dict[str, Any]:
        """Return what to keep, as JSON.

        Returns:
            Digests and numbers of words; no key.
        """
        return {
            "digests": {check: sorted(made) for check, made in self.digests.items()},
            "word_counts": sorted(self.word_counts),
        }

    def adding(self, identifiers: Identifiers, key: bytes) -> Mentions:
        """Return a copy that recognizes more people.

        Args:
            identifiers: What identifies them.
            key: Key of the new digests, up to 64 bytes.

        Returns:
            The copy.
        """
        if not identifiers:
            return self
        check = _digest(key, _CHECK)
        made = {_digest(key, form) for form in identifiers.phrases | identifiers.phones}
        return Mentions(
            {**self.digests, check: self.digests.get(check, frozenset()) | made},
            self.word_counts | {phrase.count(" ") + 1 for phrase in identifiers.phrases},
            {**self.keys, check: key},
        )

    def __bool__(self) -> bool:
        return bool(self.digests)

    def found_in(self, text: str) -> bool:
        """Tell whether a text names one of the people.

        Args:
            text: Any text, not JSON-escaped.

        Returns:
            Whether one of their identifiers occurs in it, in any spelling.
        """
        return self._found_in(text)

    @cached_property
    def _found_in(self) -> Callable[[str], bool]:
        @lru_cache(_TEXTS_REMEMBERED)
        def found(text: str) -> bool:
            return any(
                _digest(key, form) in self.digests[check]
                for form in (*phrases_in(text, self.word_counts), *phones_in(text))
                for check, key in self.keys.items()
            )

        return found


def scrub_mentions(node: Node | None, value: Any, names_someone: Callable[[str], bool]) -> Any:
    """Empty the free texts and undeclared texts of a JSON value that name somebody.

    Declared names and addresses stay: they are those of whom the record is about.

    Args:
        node: What the value should look like; None for what is not declared.
        value: What `json_values.load` returned.
        names_someone: Tells whether a text names one of the people.

    Returns:
        The value with `""` in the place of these texts; the very same object where there are none.
    """
    if isinstance(value, str):
        typed = not isinstance(node, Scalar) or node.personal == "free_text"
        return "" if typed and value and names_someone(value) else value
    changed: dict[Any, Any] = {}
    if isinstance(value, dict):
        fields = node.fields if isinstance(node, Record) else {}
        for name, item in value.items():
            declared = fields[name].node if name in fields else None
            # Most of a record: told apart here, as a call for each of them would take twice as long.
            if isinstance(declared, Scalar) and declared.personal != "free_text" and isinstance(item, str):
                continue
            if (scrubbed := scrub_mentions(declared, item, names_someone)) is not item:
                changed[name] = scrubbed
        return {**value, **changed} if changed else value
    if isinstance(value, list):
        of_items = node.node if isinstance(node, Items) else None
        for index, item in enumerate(value):
            if (scrubbed := scrub_mentions(of_items, item, names_someone)) is not item:
                changed[index] = scrubbed
        return [changed.get(index, item) for index, item in enumerate(value)] if changed else value
    return value


def words(text: str) -> list[str]:
    """Split a text into words without case, accents and punctuation.

    Args:
        text: Any text.

    Returns:
        The words in order.

    Examples:
        >>> words("Müller,  JOSÉ")
        ['muller', 'jose']
    """
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return _WORD.findall("".join(char for char in decomposed if not unicodedata.combining(char)))


def canonical_phrase(parts: Iterable[str]) -> str:
    """Join words into the canonical form of a phrase.

    Args:
        parts: Words as `words` returns them.

    Returns:
        The words in alphabetical order, joined by a space.
    """
    return " ".join(sorted(parts))


def phrases_in(text: str, word_counts: Collection[int]) -> Iterator[str]:
    """List the canonical forms of all runs of words in a text.

    Args:
        text: Any text.
        word_counts: Lengths of the runs, in words.

    Yields:
        Canonical phrases.
    """
    parts = words(text)
    for count in word_counts:
        for first in range(len(parts) - count + 1):
            yield canonical_phrase(parts[first : first + count])


def phones_in(text: str) -> Iterator[str]:
    """List all runs of eight digits in a text, with or without blanks, dots, slashes, brackets and dashes in between.

    Args:
        text: Any text.

    Yields:
        Eight digits.
    """
    for run in _DIGITS.findall(text):
        digits = "".join(filter(str.isdigit, run))
        for first in range(len(digits) - PHONE_DIGITS + 1):
            yield digits[first : first + PHONE_DIGITS]


def _is_telling(phrase: str) -> bool:
    letters = phrase.replace(" ", "")
    return len(letters) >= (SHORTEST_PHRASE if letters != phrase else SHORTEST_WORD)


def _digest(key: bytes, form: str) -> str:
    return hashlib.blake2b(form.encode("utf-8", "surrogatepass"), key=key, digest_size=_DIGEST_BYTES).hexdigest()
