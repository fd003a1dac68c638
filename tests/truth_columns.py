"""What every table's columns are, said once more in the vendor's names; nothing here imports the package under test."""

from __future__ import annotations

ADDRESS = """
street_address_address1 text address1
street_address_address2 text address2
street_address_city text city
street_address_country_code text countryCode
street_address_state text state
street_address_postcode text postcode
"""

_PERSON = """
first_name text {0}firstName
middle_name text {0}middleName
last_name text {0}lastName
email_address text {0}emailAddress
creation_time time {0}creationTime
start_time_of_next_booking time {0}startTimeOfNextBooking
start_time_of_previous_booking time {0}startTimeOfPreviousBooking
date_of_birth date {0}dateOfBirth
gender text {0}gender
"""


def _address(path: str) -> str:
    return "\n".join(
        f"{line.rpartition(' ')[0]} {path}.{line.rpartition(' ')[2]}" for line in ADDRESS.split("\n") if line
    )


COLUMNS: dict[str, str] = {
    "bookings": """
        updated_at time lastChangeTime|creationTime
        title text title
        start_time time startTime
        end_time time endTime
        start_date_local local_date startTime
        start_time_local local_time startTime
        product_id text productId
        product_name text productName
        event_id text eventId
        first_course_enrolled_event_id text firstCourseEnrolledEventId
        dropin_course_enrolled_event_id text dropinCourseEnrolledEventId
        customer_id text customerId
        external_ref text externalRef
        canceled bool canceled
        cancelation_time time cancelationTime
        cancelation_agent text cancelationAgent
        accepted bool accepted
        no_show bool noShow
        private_event bool privateEvent
        creation_time time creationTime
        creation_agent text creationAgent
        last_change_time time lastChangeTime
        last_change_agent text lastChangeAgent
        source text source
        source_ids text source.ids
        source_name text source
        source_medium text source.medium
        source_campaign text source.campaign
        source_term text source.term
        source_content text source.content
        source_referrer text source.referrer
        source_ip text sourceIp
        promotion_code_input text promotionCodeInput
        promotion_name text promotionName
        gift_voucher_code_input text giftVoucherCodeInput
        specific_voucher_code text specificVoucherCode
        initial_payments json initialPayments
        total_gross money price.totalGross
        total_net money price.totalNet
        total_taxes money price.totalTaxes
        total_paid money price.totalPaid
        deleted_at time -
        """,
    "booking_participants": """
        people_category_id text peopleCategoryId
        number int number
        """,
    "booking_people": f"""
        person_id text personId
        people_category_id text peopleCategoryId
        category_index int categoryIndex
        customer_id text personDetails.customerId
        linked_person_id text personDetails.id
        phone_numbers json personDetails.phoneNumbers
        custom_fields json personDetails.customFields
        {_PERSON.format("personDetails.")}
        {_address("personDetails.streetAddress")}
        """,
    "booking_options": """
        option_id text id
        name text name
        value text value
        """,
    "booking_resources": """
        resource_id text id
        name text name
        """,
    "booking_taxes": """
        tax_id text taxId
        tax money amount
        """,
    "booking_price_adjustments": """
        unit_price money unitPrice
        quantity int quantity
        description text description
        tax_ids json taxIds
        """,
    "booking_coupons": """
        coupon_code text .
        """,
    "customers": f"""
        {_PERSON.format("")}
        {_address("streetAddress")}
        facebook_id text facebookId
        credit money credit
        language_code text languageCode
        accept_sms_reminders bool acceptSmsReminders
        num_bookings int numBookings
        num_cancelations int numCancelations
        num_no_shows int numNoShows
        member bool member
        membership_end date membershipEnd
        source text -
        deleted_at time -
        """,
    "customer_phone_numbers": """
        number text number
        type text type
        """,
    "customer_custom_fields": """
        custom_field_id text id
        name text name
        value text value
        """,
    "payments": """
        booking_number text bookingNumber
        linked_by text -
        creation_time time creationTime
        received_time time receivedTime
        reason text reason
        description text description
        comment text comment
        amount amount amount.amount
        currency text amount.currency
        payment_method text paymentMethod
        payment_method_other text paymentMethodOther
        agent text agent
        customer_id text customerId
        gateway_name text gatewayName
        transaction_id text transactionId
        """,
    "customer_bookings": """
        updated_at time lastChangeTime|creationTime
        title text title
        start_time time startTime
        end_time time endTime
        start_date_local local_date startTime
        product_id text productId
        product_name text productName
        canceled bool canceled
        cancelation_time time cancelationTime
        accepted bool accepted
        no_show bool noShow
        creation_time time creationTime
        last_change_time time lastChangeTime
        total_gross money price.totalGross
        total_paid money price.totalPaid
        """,
    "products": """
        product_code text productCode
        name text name
        description text description
        type text type
        duration_days int duration.days
        duration_hours int duration.hours
        duration_minutes int duration.minutes
        members_only bool membersOnly
        prepaid_only bool prepaidOnly
        accept_deny bool acceptDeny
        api_bookings_allowed bool apiBookingsAllowed
        drop_in_only bool dropInOnly
        allow_private_events bool allowPrivateEvents
        images json images
        choice_options json choiceOptions
        number_options json numberOptions
        on_off_options json onOffOptions
        text_options json textOptions
        """,
    "product_rates": """
        people_category_id text peopleCategoryId
        price money price
        """,
    "product_limits": """
        people_category_id text peopleCategoryId
        min int min
        max int max
        """,
    "people_categories": """
        name text name
        num_seats int numSeats
        """,
    "resource_types": """
        resource_type_name text name
        resource_type_is_public bool isPublic
        """,
    "resources": """
        name text name
        """,
    "taxes": """
        name text name
        enabled bool enabled
        """,
    "business": f"""
        business_id text id
        name text name
        legal_identifiers text legalIdentifiers
        description text description
        email_address text emailAddress
        website_url text websiteURL
        phone_numbers json phoneNumbers
        {_address("streetAddress")}
        """,
}
"""For each table the columns besides its key: name, type, and where the value is in the record (`-`: see the test)."""

KEYS: dict[str, tuple[str, ...]] = {
    "bookings": ("booking_number",),
    "booking_participants": ("booking_number", "position"),
    "booking_people": ("booking_number", "position"),
    "booking_options": ("booking_number", "position"),
    "booking_resources": ("booking_number", "position"),
    "booking_taxes": ("booking_number", "position"),
    "booking_price_adjustments": ("booking_number", "position"),
    "booking_coupons": ("booking_number", "position"),
    "customers": ("customer_id",),
    "customer_phone_numbers": ("customer_id", "position"),
    "customer_custom_fields": ("customer_id", "position"),
    "payments": ("payment_id",),
    "customer_bookings": ("customer_id", "booking_number"),
    "products": ("product_id",),
    "product_rates": ("product_id", "position"),
    "product_limits": ("product_id", "position"),
    "people_categories": ("people_category_id",),
    "resource_types": ("resource_type_id",),
    "resources": ("resource_id",),
    "taxes": ("tax_id",),
    "business": (),
}
"""Each table's key after `account_id`."""

FETCHED = frozenset(
    {"bookings", "customers", "customer_phone_numbers", "customer_custom_fields", "payments", "customer_bookings"}
    | {"products", "people_categories", "resource_types", "resources", "taxes", "business"}
)
"""Tables with the column `fetched_at`."""
WITH_EXTRA = FETCHED - {"customer_phone_numbers", "customer_custom_fields", "resources"}
WITHOUT_SETS = frozenset({"bookings", "customers", "business"})
"""Tables whose rows stand for themselves, so that no tombstone ever marks an empty set of them."""
BOOKING_LISTS = {
    "booking_participants": "participants.numbers",
    "booking_people": "participants.details",
    "booking_options": "options",
    "booking_resources": "resources",
    "booking_taxes": "price.taxes",
    "booking_price_adjustments": "priceAdjustments",
    "booking_coupons": "couponCodes",
}
DRIFTING = frozenset(
    f"start_time_of_{which}_booking{part}" for which in ("next", "previous") for part in ("", "_offset_minutes")
)
"""Columns of customers that change by the mere passing of time, so that they hold what was so when they were read."""

DUCKDB_TYPES = {
    "text": "VARCHAR",
    "bool": "BOOLEAN",
    "int": "BIGINT",
    "time": "TIMESTAMP WITH TIME ZONE",
    "date": "DATE",
    "local_date": "DATE",
    "local_time": "TIME",
    "offset": "BIGINT",
    "amount": "DECIMAL(19,4)",
    "json": "JSON",
}

ALL_TABLES = tuple(COLUMNS)
LEDGER_TYPES = {
    "account_id": "VARCHAR",
    "resource": "VARCHAR",
    "window_start": "TIMESTAMP WITH TIME ZONE",
    "window_end": "TIMESTAMP WITH TIME ZONE",
    "items_announced": "BIGINT",
    "items_landed": "BIGINT",
    "pages": "BIGINT",
    "requests": "BIGINT",
    "attempts": "BIGINT",
    "seconds": "DECIMAL(19,4)",
    "server_time": "TIMESTAMP WITH TIME ZONE",
    "loaded_at": "TIMESTAMP WITH TIME ZONE",
    "status": "VARCHAR",
}


def specification(table: str) -> list[tuple[str, str, str]]:
    """Lists a table's columns besides its key: name, type, path; money and times as their two columns."""
    found = []
    for line in COLUMNS[table].split("\n"):
        if not line.strip():
            continue
        name, kind, path = line.split()
        if kind == "time" and path != "-" and "|" not in path:
            found += [(name, kind, path), (f"{name}_offset_minutes", "offset", path)]
        elif kind == "money":
            found += [(f"{name}_amount", "amount", f"{path}.amount"), (f"{name}_currency", "text", f"{path}.currency")]
        else:
            found.append((name, kind, path))
    return found


def expected_types(table: str) -> dict[str, str]:
    """The DuckDB type of every column of a table."""
    types = {"account_id": "VARCHAR"}
    types |= {name: "BIGINT" if name == "position" else "VARCHAR" for name in KEYS[table]}
    types |= {name: DUCKDB_TYPES[kind] for name, kind, _ in specification(table)}
    if table in BOOKING_LISTS:
        types["updated_at"] = DUCKDB_TYPES["time"]
    if table == "resources":
        types |= {"resource_type_id": "VARCHAR", "resource_type_name": "VARCHAR", "resource_type_is_public": "BOOLEAN"}
    if table in FETCHED:
        types["fetched_at"] = DUCKDB_TYPES["time"]
    if table in WITH_EXTRA:
        types["extra"] = "JSON"
    if table not in WITHOUT_SETS:
        types["_deleted"] = "BOOLEAN"
    return types
