select
    account_id,
    product_id,
    currency,
    booked_date,
    customer_kind,
    {{ count_of('count(*)') }} as bookings,
    {{ count_of(standing('1')) }} as standing_bookings,
    {{ count_of('count(distinct person_id)') }} as customers,
    {{ count_of(standing('seats')) }} as seats,
    {{ amount_of(standing('gross_amount')) }} as gross_amount,
    {{ amount_of(standing('net_amount')) }} as net_amount
from {{ ref('fct_bookings') }}
group by account_id, product_id, currency, booked_date, customer_kind
