select
    account_id,
    product_id,
    currency,
    booked_date,
    source,
    {{ count_of('count(*)') }} as bookings,
    {{ count_of(standing('1')) }} as standing_bookings,
    {{ count_of('sum(case when is_canceled then 1 else 0 end)') }} as canceled_bookings,
    {{ count_of(standing("case when customer_kind = 'new' then 1 else 0 end")) }} as new_customer_bookings,
    {{ count_of(standing('seats')) }} as seats,
    {{ amount_of(standing('gross_amount')) }} as gross_amount,
    {{ amount_of(standing('net_amount')) }} as net_amount
from {{ ref('fct_bookings') }}
group by account_id, product_id, currency, booked_date, source
