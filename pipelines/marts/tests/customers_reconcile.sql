{# Lifetime value and cohorts: every booking of a customer that is not canceled is in both. #}
with bookings as (
    {{ loaded_bookings() }}
),

loaded as (
    select account_id, currency, 1 as standing, gross from bookings where is_standing = 1 and customer_id is not null
)

{{ differences('loaded', {
    'mart_customer_value': {'standing': 'standing_bookings', 'gross': 'gross_amount'},
    'mart_cohorts': {'standing': 'bookings', 'gross': 'gross_amount'}
}) }}
