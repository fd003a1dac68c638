"""Properties of `shape` on generated pages: both readers agree, and no record is lost."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bookeo.schema import BOOKING, CUSTOMER, CUSTOMER_BOOKING, ENTITIES, PAYMENT, Entity
from bookeo.schema.json_shape import record_node
from bookeo.schema.model import Field, Items, Node, Record
from bookeo.transform.arrow_reader import read_fast
from bookeo.transform.columns import UnfitError
from bookeo.transform.shape import RawPage, Shaped, shape

NOW = datetime(2026, 1, 2, tzinfo=UTC)
BOUNDED = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=8)
days = st.dates(datetime(1, 1, 3).date(), datetime(9999, 12, 29).date()).map(lambda day: day.isoformat())  # noqa: DTZ001
times = st.builds(
    "{}{}{:02}:{:02}{}{}".format,
    days,
    st.sampled_from("T "),
    st.integers(0, 23),
    st.integers(0, 59),
    st.sampled_from(["", ":00", ":59", ":07.5", ":07.123456"]),
    st.sampled_from(["Z", "+00:00", "-00:00", "+11:00", "-11:00", "+14:00", "+0545", "-03:30", "+05"]),
)
amounts = st.one_of(
    st.decimals(-(10**14), 10**14, places=2).map(str),
    st.decimals(-999, 999, places=4).map(str),
    st.sampled_from(["-0", "0", "+1.5", "1.", ".5", "1e3", "15e-1", "1.5000000", "000.10", "999999999999999.9999"]),
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "text": texts,
    "bool": st.booleans(),
    "bigint": st.integers(-(2**63), 2**63 - 1),
    "timestamp": times,
    "date": days | times,
    "decimal": amounts,
    "json": st.recursive(st.none() | st.booleans() | st.integers() | texts, lambda inner: st.lists(inner, max_size=2)),
}


def values(node: Node) -> st.SearchStrategy[Any]:
    """Whatever the declarations promise."""
    if isinstance(node, Items):
        return st.lists(values(node.node), max_size=2)
    if isinstance(node, Record):
        required = {name: value(field) for name, field in node.fields.items() if field.required}
        optional = {name: value(field) for name, field in node.fields.items() if not field.required}
        return st.fixed_dictionaries(required, optional=optional)
    return SCALARS[node.type]


def value(field: Field) -> st.SearchStrategy[Any]:
    if field.key:
        return st.sampled_from(["1", "2", "3", "Ü", " "])
    inner = values(field.node)
    return inner if field.required else inner | st.none()


def page(records: list[Any], **envelope: Any) -> RawPage:
    body = json.dumps({"info": {"totalItems": len(records)}, "data": records, **envelope}).encode()
    return RawPage(body, "data")


def shaped(entity: Entity, *pages: RawPage) -> Shaped:
    constants = {
        column.name: NOW.isoformat() if column.type == "timestamp" else "C"
        for column in entity.table.columns
        if column.origin == "constant" and column.name in entity.table.key
    }
    named = [RawPage(one.body, one.records, constants) for one in pages]
    return shape(entity, named, account_id="A", fetched_at=NOW)


@pytest.mark.parametrize("entity", [BOOKING, CUSTOMER, PAYMENT, CUSTOMER_BOOKING], ids=lambda entity: entity.name)
@given(data=st.data())
@BOUNDED
def test_both_readers_make_the_same_tables_of_any_good_page(entity: Entity, data: st.DataObject) -> None:
    records = data.draw(st.lists(values(record_node(entity)), max_size=3))
    if entity.versions:
        records = [record | {"creationTime": record.get("creationTime") or data.draw(times)} for record in records]
    good = page(records)
    fast = shaped(entity, good)
    # an undeclared field beside the records sends the page to the tolerant reader
    tolerant = shaped(entity, page(records, later=1))
    for name, table in fast.tables.items():
        assert table.to_pylist() == tolerant.tables[name].to_pylist()
        assert table.schema == tolerant.tables[name].schema
    assert fast.rejected.num_rows == tolerant.rejected.num_rows == 0
    assert fast.unknown_fields == tolerant.unknown_fields == frozenset()


def test_the_two_readers_are_really_two() -> None:
    record = {
        "bookingNumber": "1", "title": "t", "participants": {"numbers": []}, "creationTime": "2026-01-01T00:00:00Z",
        "creationAgent": "a", "productId": "p",
    }  # fmt: skip
    values, _ = read_fast(BOOKING, [page([record]).body], "data")
    assert len(values) == 1
    with pytest.raises(UnfitError):
        read_fast(BOOKING, [page([record], later=1).body], "data")


junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | times | amounts,
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@st.composite
def damaged(draw: st.DrawFn, entity: Entity) -> Any:
    """A good record with junk somewhere in it."""
    record = draw(values(record_node(entity)))
    target: Any = record
    while True:
        keys = list(target) if isinstance(target, dict) else list(range(len(target)))
        if not keys:
            return record
        key = draw(st.sampled_from(keys))
        if isinstance(target[key], dict | list) and target[key] and draw(st.booleans()):
            target = target[key]
        else:
            target[key] = draw(junk)
            return record


@pytest.mark.parametrize("entity", ENTITIES.values(), ids=ENTITIES)
@given(data=st.data())
@BOUNDED
def test_no_record_is_lost(entity: Entity, data: st.DataObject) -> None:
    if entity.name == "Business":
        records = [data.draw(damaged(entity) | junk)]
    else:
        records = data.draw(st.lists(values(record_node(entity)) | damaged(entity) | junk, max_size=3))
    split = data.draw(st.integers(0, len(records)))
    result = shaped(entity, page(records[:split]), page(records[split:]))
    table = result.tables[entity.table.name]
    rows = table.num_rows if "_deleted" not in table.column_names else table.column("_deleted").to_pylist().count(False)
    rejected = sum(row["table_name"] == entity.table.name for row in result.rejected.to_pylist())
    assert rows + rejected <= len(records)
    ids = [_raw_id(entity, record) for record in records]
    superseded = len(ids) - len(set(ids))
    assert rows + rejected >= len(records) - superseded
    for row in result.rejected.to_pylist():
        assert row["reason"]
        json.loads(row["raw"])
    for found in result.tables.values():
        found.validate(full=True)


def _raw_id(entity: Entity, record: Any) -> str:
    key = next((name for name, field in record_node(entity).fields.items() if field.key), "")
    found = record.get(key, "") if isinstance(record, dict) else ""
    if entity.name == "Business":
        return ""
    text = json.dumps(found) if not isinstance(found, str) else found
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\x00", "\ufffd")


@given(
    body=st.binary(max_size=40)
    | st.text(max_size=40).map(lambda text: text.encode(errors="replace"))
    | junk.map(json.dumps).map(str.encode)
)
@BOUNDED
def test_no_bytes_at_all_make_it_fail(body: bytes) -> None:
    for records in ("data", None):
        result = shape(CUSTOMER, [RawPage(body, records)], account_id="A", fetched_at=NOW)
        assert result.rejected.num_rows + result.tables["customers"].num_rows <= 1
