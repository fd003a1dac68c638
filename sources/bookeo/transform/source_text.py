"""Parse the one text in which a booking says where it came from.

Sites write what they know of a visitor into it: `utm_source=google|utm_medium=cpc|utm_campaign=summer|gclid=Cj0KCQ`,
or a query string. As it is, nearly every booking would have a source of its own, and the ids in it name the visitor's
browser at an advertising network. So the text is split into what says where bookings come from, and what says who came.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import unquote, unquote_plus, urlsplit

NOT_SET: Final = "(not set)"
"""Name of the source of a text with tags that name none, as web analytics call it."""
ID_MARK: Final = "(id)"
"""Stands where an id was: that there was one tells which network the visitor came from."""

_PARTS = ("source", "medium", "campaign", "term", "content")
_TAGS = {
    **{f"utm_{part}": part for part in _PARTS},
    **{part: part for part in _PARTS},
    **dict.fromkeys(("referrer", "referer", "http_referer", "utm_referrer"), "referrer"),
}
"""Names of tags, in lower case, and the part that each of them is."""
_OF_CAMPAIGNS = frozenset(
    {"utm_id", "utm_source_platform", "utm_creative_format", "utm_marketing_tactic"}
    | {"gclsrc", "gad_source", "gad_campaignid"}
)
"""Tags that are no part, and tell of the campaign, not of the visitor."""
_NETWORKS = {
    **dict.fromkeys(("gclid", "gbraid", "wbraid", "dclid"), "google"),
    **dict.fromkeys(("fbclid", "fbc", "_fbc", "fbp", "_fbp"), "facebook"),
    "msclkid": "bing",
    "ttclid": "tiktok",
    "twclid": "twitter",
    "li_fat_id": "linkedin",
    "yclid": "yandex",
    "epik": "pinterest",
    "rdt_cid": "reddit",
    "sccid": "snapchat",
    "igshid": "instagram",
}
"""Ids of clicks, and the network that makes them. Whatever else is no known tag is taken for an id, too."""
_TELLING = (_TAGS.keys() - frozenset(_PARTS)) | _OF_CAMPAIGNS | _NETWORKS.keys()
"""Tags by one of which a text is known for one with tags; of others, which are words, it takes two."""
_TAG = re.compile(r"\s*([A-Za-z_][\w.-]*)\s*=\s*(.*?)\s*", re.DOTALL)
_WITH_HASH = re.compile(r"(.*)\|(hmac:[0-9a-f]{32})", re.DOTALL)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class BookingSource:
    """Where a booking came from.

    Args:
        text: The text, `(id)` in the place of each id, and a host in that of a referrer's address.
        ids: What was there, as it was written; None if nothing was. It names somebody, elsewhere.
        name: The source: a site, a network, a newsletter.
        medium: How it leads here, such as cpc or email.
        campaign: Name of the campaign.
        term: What was searched for.
        content: Which of several links or advertisements it was.
        referrer: Host of the page that the visitor came from.
    """

    text: str
    ids: str | None = None
    name: str | None = None
    medium: str | None = None
    campaign: str | None = None
    term: str | None = None
    content: str | None = None
    referrer: str | None = None


def parse_source(text: str) -> BookingSource:
    """Parse a booking's source.

    Args:
        text: As the API tells it; or the `text` of a source, with or without a hash of its `ids` behind it.

    Returns:
        Its parts. Of a text without a known tag, its name is all of it.

    Examples:
        >>> source = parse_source("utm_source=news|utm_campaign=May%20tours|gclid=Cj0K")
        >>> source.name, source.campaign, source.ids, source.text
        ('news', 'May tours', 'gclid=Cj0K', 'utm_source=news|utm_campaign=May%20tours|gclid=(id)')
    """
    if (hashed := _WITH_HASH.fullmatch(text)) is not None:
        return replace(parse_source(hashed[1]), ids=hashed[2])
    if "=" in text and (source := _parse_tags(*_pieces(text))) is not None:
        return source
    if _ADDRESS.match(text):
        host, rest = _host(text)
        if host:
            return BookingSource(f"{text.partition('//')[0]}//{host}", text if rest else None, host, referrer=host)
    return BookingSource(text, name=text.strip() or None)


def _parse_tags(before: str, pieces: list[str], separator: str, decode: Callable[[str], str]) -> BookingSource | None:
    tags = [_TAG.fullmatch(piece) for piece in pieces]
    keys = {tag[1].lower() for tag in tags if tag is not None}
    if not keys & _TELLING and len(keys & _TAGS.keys()) < 2:
        return None
    found: dict[str, str] = {}
    plain = network = None
    kept, ids = [], []
    for piece, tag in zip(pieces, tags, strict=True):
        stays = piece
        if tag is None:
            plain = plain or piece.strip() or None
        elif (part := _TAGS.get(tag[1].lower())) is not None:
            value = decode(tag[2]).strip()
            if part == "referrer":
                value, rest = _host(value)
                stays = f"{tag[1]}={value}" if rest else piece
            if value:
                found.setdefault(part, value)
        elif tag[2] and tag[1].lower() not in _OF_CAMPAIGNS:
            network = network or _NETWORKS.get(tag[1].lower())
            stays = f"{tag[1]}={ID_MARK}"
        kept.append(stays)
        if stays != piece:
            ids.append(piece)
    return BookingSource(
        before + separator.join(kept),
        separator.join(ids) or None,
        found.get("source") or plain or network or found.get("referrer") or NOT_SET,
        found.get("medium"),
        found.get("campaign"),
        found.get("term"),
        found.get("content"),
        found.get("referrer"),
    )


def with_ids(source: BookingSource, treat: Callable[[str], str | None]) -> str:
    """Write the text of a source with a hash of its ids, or without them.

    Args:
        source: The source.
        treat: Makes the hash (`hmac:` and 32 hexadecimal digits) of the ids, or None.

    Returns:
        A text of which `parse_source` makes the same source, with the hash as its ids.
    """
    hashed = None if source.ids is None else treat(source.ids)
    return source.text if hashed is None else f"{source.text}|{hashed}"


def _pieces(text: str) -> tuple[str, list[str], str, Callable[[str], str]]:
    """Take a text apart: what stands before the tags, the tags, what is between them, and how values are decoded."""
    if "|" in text:
        return "", text.split("|"), "|", lambda value: _storable(unquote(value))
    before = ""
    if _ADDRESS.match(text) or text.startswith("?"):
        before, mark, text = text.partition("?")
        before += mark
    return before, text.split("&"), "&", lambda value: _storable(unquote_plus(value))


def _storable(text: str) -> str:
    # What `%00` says is stored nowhere.
    return text.replace("\x00", "\ufffd")


def _host(address: str) -> tuple[str, bool]:
    """Read the host of an address, and tell whether it says more: where on that site, and maybe of whom."""
    try:
        parts = urlsplit(address if "//" in address else f"//{address}")
        host = parts.hostname or ""
    except ValueError:
        return "", bool(address)
    says_more = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    return host, bool(says_more or (address and not host))
