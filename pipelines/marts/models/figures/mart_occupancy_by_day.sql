with days as (
    select
        account_id,
        product_id,
        tour_date,
        {{ count_of('count(*)') }} as slots,
        {{ count_of('sum(case when seats_booked >= capacity then 1 else 0 end)') }} as full_slots,
        {{ count_of('sum(capacity)') }} as capacity,
        {{ count_of('sum(seats_booked)') }} as seats_booked
    from {{ ref('fct_slots') }}
    group by account_id, product_id, tour_date
)

select
    account_id,
    product_id,
    tour_date,
    slots,
    full_slots,
    capacity,
    seats_booked,
    {{ rate_of('seats_booked', 'capacity') }} as occupancy_rate
from days
