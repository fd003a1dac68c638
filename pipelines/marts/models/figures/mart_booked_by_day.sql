with days as (
    select
        account_id,
        product_id,
        currency,
        booked_date,
        {{ count_of('count(*)') }} as bookings,
        {{ count_of(standing('1')) }} as standing_bookings,
        {{ count_of(standing("case when customer_kind = 'new' then 1 else 0 end")) }} as new_customer_bookings,
        {{ count_of(standing("case when customer_kind = 'returning' then 1 else 0 end")) }} as returning_customer_bookings,
        {{ count_of(standing('participants')) }} as participants,
        {{ count_of(standing('seats')) }} as seats,
        {{ count_of(standing('lead_days')) }} as lead_days,
        {{ amount_of(standing('gross_amount')) }} as gross_amount,
        {{ amount_of(standing('net_amount')) }} as net_amount,
        {{ amount_of(standing('tax_amount')) }} as tax_amount,
        {{ amount_of(standing('discount_amount')) }} as discount_amount,
        {{ amount_of('sum(case when is_canceled then gross_amount else 0 end)') }} as canceled_gross_amount
    from {{ ref('fct_bookings') }}
    group by account_id, product_id, currency, booked_date
)

select
    account_id,
    product_id,
    currency,
    booked_date,
    bookings,
    standing_bookings,
    bookings - standing_bookings as canceled_bookings,
    {{ rate_of('bookings - standing_bookings', 'bookings') }} as cancelation_rate,
    new_customer_bookings,
    returning_customer_bookings,
    participants,
    seats,
    lead_days,
    {{ rate_of('lead_days', 'standing_bookings') }} as lead_days_average,
    gross_amount,
    net_amount,
    tax_amount,
    discount_amount,
    canceled_gross_amount
from days
