with customers as (
    select
        account_id,
        person_id,
        currency,
        min(case when not is_canceled then booked_date end) as first_standing_date,
        {{ count_of('count(*)') }} as bookings,
        {{ count_of(standing('1')) }} as standing_bookings,
        {{ count_of('sum(case when is_no_show then 1 else 0 end)') }} as no_show_bookings,
        min(booked_date) as first_booked_date,
        max(booked_date) as last_booked_date,
        {{ amount_of(standing('gross_amount')) }} as gross_amount,
        {{ amount_of(standing('net_amount')) }} as net_amount,
        {{ amount_of(standing('paid_amount')) }} as paid_amount,
        {{ amount_of('sum(outstanding_amount)') }} as outstanding_amount
    from {{ ref('fct_bookings') }}
    where person_id is not null
    group by account_id, person_id, currency
)

select
    account_id,
    person_id,
    currency,
    cast({{ dbt.date_trunc('month', 'first_standing_date') }} as date) as cohort_month,
    bookings,
    standing_bookings,
    bookings - standing_bookings as canceled_bookings,
    no_show_bookings,
    first_booked_date,
    last_booked_date,
    gross_amount,
    net_amount,
    paid_amount,
    outstanding_amount,
    {{ average_amount('gross_amount', 'standing_bookings') }} as average_gross_amount
from customers
