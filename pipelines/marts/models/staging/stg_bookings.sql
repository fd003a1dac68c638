with bookings as (

{{ loaded('bookings', {
    'account_id': 'text',
    'booking_number': 'text',
    'updated_at': 'timestamp with time zone',
    'start_time': 'timestamp with time zone',
    'start_date_local': 'date',
    'start_time_local': 'time',
    'product_id': 'text',
    'product_name': 'text',
    'event_id': 'text',
    'customer_id': 'text',
    'canceled': 'boolean',
    'cancelation_time': 'timestamp with time zone',
    'cancelation_time_offset_minutes': 'bigint',
    'no_show': 'boolean',
    'creation_time': 'timestamp with time zone',
    'creation_time_offset_minutes': 'bigint',
    'last_change_time_offset_minutes': 'bigint',
    'source': 'text',
    'source_name': 'text',
    'source_medium': 'text',
    'source_campaign': 'text',
    'source_term': 'text',
    'source_content': 'text',
    'source_referrer': 'text',
    'promotion_name': 'text',
    'total_gross_amount': 'numeric(19, 4)',
    'total_gross_currency': 'text',
    'total_net_amount': 'numeric(19, 4)',
    'total_taxes_amount': 'numeric(19, 4)',
    'total_paid_amount': 'numeric(19, 4)',
    'total_paid_currency': 'text',
    'deleted_at': 'timestamp with time zone'
}) }}

)

select
    account_id,
    booking_number,
    updated_at,
    {{ starts_at() }} as start_time,
    start_date_local,
    start_time_local,
    coalesce(product_id, 'unknown') as product_id,
    product_name,
    event_id,
    customer_id,
    canceled,
    cancelation_time,
    cancelation_time_offset_minutes,
    no_show,
    {{ made_at() }} as creation_time,
    case when creation_time is not null then creation_time_offset_minutes else last_change_time_offset_minutes end
        as creation_time_offset_minutes,
    -- A text that version 0.1 has loaded may hold ids of clicks, which are personal, among its tags.
    coalesce(
        source_name, case when position('=' in source) > 0 then 'unparsed' when trim(source) <> '' then trim(source) end
    ) as source,
    source_medium as medium,
    source_campaign as campaign,
    source_term as term,
    source_content as content,
    source_referrer as referrer,
    promotion_name,
    total_gross_amount,
    total_gross_currency,
    total_net_amount,
    total_taxes_amount,
    total_paid_amount,
    total_paid_currency,
    deleted_at
from bookings
where deleted_at is null
