"""Takes one person out of a file of the archive, so that it can be replayed as before."""

from __future__ import annotations

from typing import Any

from bookeo.archive_file import Kept, KeptAnswer
from bookeo.forgotten import forget_in_page
from bookeo.privacy_json import answer_node
from bookeo.shape import RawPage
from bookeo.shape_json import MisfitError, dump, load
from bookeo.tables import ENTITIES
from bookeo.tables.declaration import Items, Node, Record, Scalar
from bookeo_pipelines.forget_person import Person


def forget_in_file(kept: Kept, person: Person) -> Kept:
    """Takes a person out.

    Args:
        kept: What a file holds.
        person: Who is to be forgotten.

    Returns:
        What it is to hold; the very same object where the person is not in it.
    """
    entity = str(kept.facts.get("entity", ""))
    answers = [_answer(answer, entity, person) for answer in kept.answers]
    facts = _renamed(kept.facts, person)
    same = facts == kept.facts and all(new is old for new, old in zip(answers, kept.answers, strict=True))
    return kept if same else Kept(facts, answers)


def _answer(answer: KeptAnswer, entity: str, person: Person) -> KeptAnswer:
    records = answer.facts.get("records")
    page = RawPage(answer.body, records, answer.facts.get("constants") or {})
    body = forget_in_page(ENTITIES[entity], page, person.forgotten).body if entity in ENTITIES else answer.body
    if person.named_in(text := body.decode("utf-8", "replace")) or "\\u" in text:
        body = _without_mentions(body, answer_node(entity, records), person)
    facts = _renamed(answer.facts, person)
    return answer if body is answer.body and facts == answer.facts else KeptAnswer(body, facts)


def _without_mentions(body: bytes, node: Node | None, person: Person) -> bytes:
    try:
        value = load(body)
    except MisfitError:
        return b"null" if person.named_in(body.decode("utf-8", "replace")) else body
    cleaned = _cleaned(node, value, person)
    return body if cleaned == value else dump(cleaned).encode()


def _cleaned(node: Node | None, value: Any, person: Person) -> Any:
    """Takes the person out of what others typed and of what nobody declared; their own names and addresses stay."""
    if isinstance(value, dict):
        fields = node.fields if isinstance(node, Record) else {}
        return {
            _renamed(name, person): _cleaned(fields[name].node if name in fields else None, item, person)
            for name, item in value.items()
        }
    if isinstance(value, list):
        return [_cleaned(node.node if isinstance(node, Items) else None, item, person) for item in value]
    if not isinstance(value, str):
        return value
    typed = not isinstance(node, Scalar) or node.personal == "free_text"
    return "" if typed and person.spelt_in(value) else _renamed(value, person)


def _renamed(value: Any, person: Person) -> Any:
    """Puts the pseudonym into the place of the id, in whatever a load has noted."""
    if isinstance(value, dict):
        return {_renamed(name, person): _renamed(item, person) for name, item in value.items()}
    if isinstance(value, list):
        return [_renamed(item, person) for item in value]
    if not isinstance(value, str):
        return value
    return value.replace(person.customer_id, person.pseudonym) if person.id_stands_in(value) else value
