{# What was booked: every booking is counted once, wherever bookings are counted by the day on which they were made. #}
{%- set counted = {
    'bookings': 'bookings', 'standing': 'standing_bookings', 'gross': 'gross_amount', 'net': 'net_amount'
} %}
with bookings as (
    {{ loaded_bookings() }}
),

loaded as (
    select
        account_id,
        currency,
        1 as bookings,
        is_standing as standing,
        is_standing * gross as gross,
        is_standing * net as net
    from bookings
)

{{ differences('loaded', {
    'fct_bookings': {
        'bookings': '1',
        'standing': 'case when is_canceled then 0 else 1 end',
        'gross': 'case when is_canceled then 0 else gross_amount end',
        'net': 'case when is_canceled then 0 else net_amount end'
    },
    'mart_booked_by_day': counted,
    'mart_tours_by_day': counted,
    'mart_sources_by_day': counted,
    'mart_promotions_by_day': counted,
    'mart_new_and_returning_by_day': counted
}) }}
