"""Remove people from a file of the archive, so that it can be replayed as before."""

from __future__ import annotations

from typing import Any

from bookeo.archive.file_format import Kept, KeptAnswer
from bookeo.privacy.erasure import forget_in_page
from bookeo.privacy.mentions import scrub_mentions
from bookeo.privacy.records import answer_node
from bookeo.schema import ENTITIES
from bookeo.transform.json_values import MisfitError, dump, load
from bookeo.transform.shape import RawPage
from bookeo_pipelines.privacy.subject import People


def forget_in_file(kept: Kept, people: People) -> Kept:
    """Remove people from a file.

    Args:
        kept: What the file holds.
        people: Who is to be forgotten.

    Returns:
        What it is to hold; the very same object where nobody of them is in it.
    """
    entity = str(kept.facts.get("entity", ""))
    answers = [_answer(answer, entity, people) for answer in kept.answers]
    facts = _renamed(kept.facts, people)
    same = facts == kept.facts and all(new is old for new, old in zip(answers, kept.answers, strict=True))
    return kept if same else Kept(facts, answers)


def _answer(answer: KeptAnswer, entity: str, people: People) -> KeptAnswer:
    records = answer.facts.get("records")
    page = RawPage(answer.body, records, answer.facts.get("constants") or {})
    body = forget_in_page(ENTITIES[entity], page, people.forgotten).body if entity in ENTITIES else answer.body
    facts = _renamed(answer.facts, people)
    try:
        value = load(body)
    except MisfitError:
        named = people.named_in(body.decode("utf-8", "replace"))
        return KeptAnswer(b"null", facts) if named or facts != answer.facts else answer
    node = answer_node(entity, records) if entity in ENTITIES else None
    cleaned = _renamed(scrub_mentions(node, value, people.identifiers.found_in), people)
    body = body if cleaned == value else dump(cleaned).encode()
    return answer if body is answer.body and facts == answer.facts else KeptAnswer(body, facts)


def _renamed(value: Any, people: People) -> Any:
    """Put pseudonyms into the place of ids, in whatever a load has noted."""
    if isinstance(value, dict):
        return {people.renamed(name): _renamed(item, people) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, people) for item in value]
    return people.renamed(value) if isinstance(value, str) else value
