"""What `/settings` tells of an account: small lists, replaced whole for the account."""

from __future__ import annotations

from bookeo.schema.common_columns import (
    ACCOUNT_ID,
    DELETED,
    EXTRA,
    FETCHED_AT,
    POSITION,
    address_columns,
    from_parent,
    money,
    objects,
)
from bookeo.schema.model import Column, Entity, ListTable, Table

_OWNER = ("account_id",)
_TAIL = (FETCHED_AT, EXTRA, DELETED)

PRODUCTS = Table(
    name="products",
    key=("account_id", "product_id"),
    description="What the business sells: tours, classes, appointments.",
    source="GET /settings/products",
    owner=_OWNER,
    columns=(
        ACCOUNT_ID,
        Column("product_id", "text", "productId*", "Bookeo's id of the product."),
        Column("product_code", "text", "productCode", "The business's own code."),
        Column("name", "text", "name", "Name."),
        Column("description", "text", "description", "Description in HTML."),
        Column("type", "text", "type", "One of fixed, fixedCourse, flexibleTime."),
        Column("duration_days", "bigint", "duration.days", "Duration: whole days."),
        Column("duration_hours", "bigint", "duration.hours", "Duration: hours beyond the days."),
        Column("duration_minutes", "bigint", "duration.minutes", "Duration: minutes beyond the hours."),
        Column("members_only", "bool", "membersOnly", "Whether only members may book it."),
        Column("prepaid_only", "bool", "prepaidOnly", "Whether it must be prepaid."),
        Column("accept_deny", "bool", "acceptDeny", "Whether the business accepts or denies each booking."),
        Column("api_bookings_allowed", "bool", "apiBookingsAllowed", "Whether it can be booked through the API."),
        Column("drop_in_only", "bool", "dropInOnly", "Whether a course can only be visited class by class."),
        Column(
            "allow_private_events", "bool", "allowPrivateEvents", "Whether a slot can be taken for one booking alone."
        ),
        Column("images", "json", "images", "Pictures: a list of objects with url."),
        Column("choice_options", "json", "choiceOptions", "Options with a choice of values."),
        Column("number_options", "json", "numberOptions", "Options that take a number."),
        Column("on_off_options", "json", "onOffOptions", "Options that are on or off."),
        Column("text_options", "json", "textOptions", "Options that take a text."),
        *_TAIL,
    ),
)

_PRODUCT = (ACCOUNT_ID, from_parent(PRODUCTS.column("product_id")), POSITION)

PRODUCT_RATES = Table(
    name="product_rates",
    key=("account_id", "product_id", "position"),
    description="Default prices of products.",
    source="GET /settings/products",
    parent="products",
    owner=_OWNER,
    columns=(
        *_PRODUCT,
        Column(
            "people_category_id", "text", "peopleCategoryId", "Category that the price is for; null: it is per booking."
        ),
        *money("price", "price", "Price of one person of the category, or of the booking"),
        DELETED,
    ),
)

PRODUCT_LIMITS = Table(
    name="product_limits",
    key=("account_id", "product_id", "position"),
    description="How few and how many people a booking of a product may be for.",
    source="GET /settings/products",
    parent="products",
    owner=_OWNER,
    columns=(
        *_PRODUCT,
        Column(
            "people_category_id",
            "text",
            "peopleCategoryId",
            "Category that the limit is for; null: all people together.",
        ),
        Column("min", "bigint", "min", "Fewest people."),
        Column("max", "bigint", "max", "Most people."),
        DELETED,
    ),
)

PRODUCT = Entity(
    "Product",
    PRODUCTS,
    lists=(ListTable("defaultRates", PRODUCT_RATES), ListTable("bookingLimits", PRODUCT_LIMITS)),
)

PEOPLE_CATEGORIES = Table(
    name="people_categories",
    key=("account_id", "people_category_id"),
    description="Kinds of participants, such as adults and children.",
    source="GET /settings/peoplecategories",
    owner=_OWNER,
    columns=(
        ACCOUNT_ID,
        Column("people_category_id", "text", "id*", "Bookeo's id of the category, such as Cadults."),
        Column("name", "text", "name", "Name."),
        Column("num_seats", "bigint", "numSeats", "Seats that one person takes."),
        *_TAIL,
    ),
)
PEOPLE_CATEGORY = Entity("PeopleCategory", PEOPLE_CATEGORIES)

RESOURCE_TYPES = Table(
    name="resource_types",
    key=("account_id", "resource_type_id"),
    description="Kinds of resources, such as guides and rooms.",
    source="GET /settings/resources",
    owner=_OWNER,
    columns=(
        ACCOUNT_ID,
        Column("resource_type_id", "text", "id*", "Bookeo's id of the kind of resource."),
        Column("resource_type_name", "text", "name", "Name of the kind of resource."),
        Column("resource_type_is_public", "bool", "isPublic", "Whether customers see it."),
        *_TAIL,
    ),
)

RESOURCES = Table(
    name="resources",
    key=("account_id", "resource_id"),
    description="Guides, rooms and other resources, each under its kind.",
    source="GET /settings/resources",
    parent="resource_types",
    owner=_OWNER,
    columns=(
        ACCOUNT_ID,
        Column("resource_id", "text", "id*", "Bookeo's id of the resource."),
        Column("name", "text", "name", "Name.", personal="name"),
        from_parent(RESOURCE_TYPES.column("resource_type_id")),
        from_parent(RESOURCE_TYPES.column("resource_type_name")),
        from_parent(RESOURCE_TYPES.column("resource_type_is_public")),
        FETCHED_AT,
        DELETED,
    ),
)
RESOURCE_TYPE = Entity("ResourceType", RESOURCE_TYPES, lists=(ListTable("resources", RESOURCES),))

TAXES = Table(
    name="taxes",
    key=("account_id", "tax_id"),
    description="Taxes of the account.",
    source="GET /settings/taxes",
    owner=_OWNER,
    columns=(
        ACCOUNT_ID,
        Column("tax_id", "text", "id*", "Bookeo's id of the tax."),
        Column("name", "text", "name", "Name."),
        Column("enabled", "bool", "enabled", "Whether it is in use."),
        *_TAIL,
    ),
)
TAX = Entity("Tax", TAXES)

BUSINESS_TABLE = Table(
    name="business",
    key=("account_id",),
    description="The account itself, one row.",
    source="GET /settings/business",
    columns=(
        ACCOUNT_ID,
        Column("business_id", "text", "id", "Bookeo's id of the business."),
        Column("name", "text", "name", "Name."),
        Column("legal_identifiers", "text", "legalIdentifiers", "Registration numbers and the like."),
        Column("description", "text", "description", "Description."),
        Column("email_address", "text", "emailAddress", "E-mail address of the business."),
        Column("website_url", "text", "websiteURL", "Web site of the business."),
        Column(
            "phone_numbers",
            "json",
            "phoneNumbers",
            "Phone numbers of the business: a list of objects with number and type.",
            node=objects(number="text", type="text"),
        ),
        *address_columns("streetAddress"),
        FETCHED_AT,
        EXTRA,
    ),
)
BUSINESS = Entity("Business", BUSINESS_TABLE)
