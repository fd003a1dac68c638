"""Columns that many tables share."""

from __future__ import annotations

from collections.abc import Mapping

from bookeo.schema.model import Column, ColumnType, Field, Items, Node, Personal, Record, Scalar

ACCOUNT_ID = Column("account_id", "text", "", "Id of the Bookeo account that the row belongs to.", origin="account")
FETCHED_AT = Column("fetched_at", "timestamp", "", "When the row was read from the API.", origin="fetched_at")
EXTRA = Column(
    "extra",
    "json",
    "",
    "Fields of the API's object that no column declares or that do not fit their column, by their path; null if none.",
    personal="free_text",
    origin="extra",
)
POSITION = Column("position", "bigint", "", "Place in the list, from 0.", origin="position")
DELETED = Column(
    "_deleted",
    "bool",
    "",
    "Marks, while loading, a set that has become empty; always false in the destination.",
    origin="deleted",
)


def from_parent(column: Column) -> Column:
    """Makes the column by which a list's rows carry a value of the object they belong to.

    Args:
        column: The column of the object's own table.

    Returns:
        A column of the same name and type.
    """
    return Column(column.name, column.type, "", column.description, column.personal, origin="parent")


def money(name: str, path: str, what: str) -> tuple[Column, Column]:
    """Makes the two columns of an amount of money.

    Args:
        name: What the columns' names begin with.
        path: Where the money object is.
        what: What the amount is, as the beginning of a sentence.

    Returns:
        The amount and the currency.
    """
    return (
        Column(f"{name}_amount", "decimal", f"{path}.amount", f"{what}, exact."),
        Column(f"{name}_currency", "text", f"{path}.currency", f"{what}: the currency's ISO 4217 code."),
    )


def objects(**fields: ColumnType | Node) -> Items:
    """Describes a list of objects, for a `json` column.

    Args:
        **fields: What the fields are, by Bookeo's names.

    Returns:
        The list's description.
    """
    return Items(
        Record({name: Field(Scalar(kind) if isinstance(kind, str) else kind) for name, kind in fields.items()})
    )


def moment(name: str, path: str, description: str) -> tuple[Column, Column]:
    """Makes the two columns of a point in time: the instant, and what the clock was ahead of UTC.

    The offset is a fact of its own: by it a day is the business's day, also where nothing else is known of the account.

    Args:
        name: The instant's column.
        path: Where the time is.
        description: What it is, as a sentence.

    Returns:
        The instant, and the offset in minutes.
    """
    return (
        Column(name, "timestamp", path, description),
        Column(
            f"{name}_offset_minutes",
            "bigint",
            path,
            f"Minutes by which the clock that shows {name} is ahead of UTC; negative in the west.",
            origin="utc_offset",
        ),
    )


MONEY: Node = Record({"amount": Field(Scalar("text")), "currency": Field(Scalar("text"))})
TEXTS: Node = Items(Scalar("text"))
PHONE_NUMBERS = objects(number=Scalar("text", "contact"), type="text")
CUSTOM_FIELDS = objects(id="text", name="text", value=Scalar("text", "free_text"))

_ADDRESS: Mapping[str, tuple[str, Personal | None]] = {
    "address1": ("First line of the street address", "address"),
    "address2": ("Second line of the street address", "address"),
    "city": ("City of the address", "address"),
    "countryCode": ("ISO 3166-1 code of the address's country", None),
    "state": ("State or province of the address", None),
    "postcode": ("Postcode of the address", "address"),
}
_ADDRESS_NAMES = {"countryCode": "country_code"}


def address_columns(prefix: str) -> tuple[Column, ...]:
    """Makes the columns of a street address.

    Args:
        prefix: Path of the address object.

    Returns:
        One column for each part.
    """
    return tuple(
        Column(
            f"street_address_{_ADDRESS_NAMES.get(name, name)}",
            "text",
            f"{prefix}.{name}",
            f"{what}.",
            personal=personal,
        )
        for name, (what, personal) in _ADDRESS.items()
    )
