{# Days of the week and seasons: every booking that is not canceled is in one of them. #}
with bookings as (
    {{ loaded_bookings() }}
),

loaded as (
    select account_id, currency, 1 as standing, gross, net from bookings where is_standing = 1
)

{{ differences('loaded', {
    'mart_weekdays_and_seasons': {'standing': 'standing_bookings', 'gross': 'gross_amount', 'net': 'net_amount'}
}) }}
