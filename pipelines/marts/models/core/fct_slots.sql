with seen as (
    select
        *,
        min(snapshot_at) over (partition by account_id, product_id, event_id) as first_seen_at,
        row_number() over (partition by account_id, product_id, event_id order by snapshot_at desc) as place
    from {{ ref('stg_slots') }}
),

slots as (
    select * from seen where place = 1
),

snapshots as (
    select account_id, product_id, snapshot_at, max(start_time) as shown_until
    from {{ ref('stg_slots') }}
    group by account_id, product_id, snapshot_at
),

-- Slots that a later snapshot should have shown and did not. The pages of one snapshot may be seconds apart.
gone as (
    select distinct slots.account_id, slots.product_id, slots.event_id
    from slots
    inner join snapshots
        on snapshots.account_id = slots.account_id
        and snapshots.product_id = slots.product_id
        and snapshots.snapshot_at > {{ dbt.dateadd('hour', 1, 'slots.snapshot_at') }}
        and snapshots.snapshot_at < slots.start_time
        and snapshots.shown_until >= slots.start_time
),

booked as (
    select
        slots.account_id,
        slots.product_id,
        slots.event_id,
        sum(case when not bookings.is_canceled then 1 else 0 end) as bookings,
        sum(case when not bookings.is_canceled then bookings.seats else 0 end) as seats_now,
        sum(
            case
                when bookings.creation_time > slots.snapshot_at then 0
                when not bookings.is_canceled or bookings.cancelation_time > slots.snapshot_at then bookings.seats
                else 0
            end
        ) as seats_then
    from slots
    inner join {{ ref('fct_bookings') }} as bookings
        on bookings.account_id = slots.account_id
        and bookings.product_id = slots.product_id
        and bookings.event_id = slots.event_id
    group by slots.account_id, slots.product_id, slots.event_id
)

select
    slots.account_id,
    slots.product_id,
    slots.event_id,
    slots.start_date_local as tour_date,
    slots.start_time,
    slots.end_time,
    slots.first_seen_at,
    slots.snapshot_at as last_seen_at,
    {{ count_of('slots.num_seats_available') }} as seats_available,
    {{ count_of('slots.num_seats_available') }} + {{ count_of('booked.seats_then') }} as capacity,
    {{ count_of('booked.bookings') }} as bookings,
    {{ count_of('booked.seats_now') }} as seats_booked
from slots
left join booked
    on booked.account_id = slots.account_id and booked.product_id = slots.product_id and booked.event_id = slots.event_id
left join gone
    on gone.account_id = slots.account_id and gone.product_id = slots.product_id and gone.event_id = slots.event_id
where gone.event_id is null or booked.bookings > 0
