-- What the clocks showed at moments of which Bookeo tells no offset: as at the last moment before of which it does. Of every
-- start it tells both the instant and what the clock showed, of what was booked the offset. Where two show different offsets
-- the clocks were changed; the later offset counts from the later moment on.
with starts as (
    select account_id, start_time, start_date_local, start_time_local from {{ ref('stg_bookings') }}
    union all
    select account_id, start_time, start_date_local, start_time_local from {{ ref('stg_slots') }}
),

offsets as (
    select
        account_id,
        start_time as moment,
        cast(
            {{ dbt.datediff("(start_time at time zone 'UTC')", "(start_date_local + start_time_local)", 'minute') }} as bigint
        ) as offset_minutes
    from starts
    where start_time is not null and start_date_local is not null and start_time_local is not null
    union all
    select account_id, creation_time, creation_time_offset_minutes
    from {{ ref('stg_bookings') }}
    where creation_time_offset_minutes is not null
),

compared as (
    select
        account_id,
        moment,
        offset_minutes,
        lag(offset_minutes) over (partition by account_id order by moment, offset_minutes) as previous
    from offsets
),

changes as (
    select account_id, moment, offset_minutes, row_number() over (partition by account_id order by moment, offset_minutes) as place
    from compared
    where previous is null or previous <> offset_minutes
)

select
    account_id,
    case when place = 1 then cast('1900-01-01 00:00:00+00' as timestamp with time zone) else moment end as valid_from,
    coalesce(
        lead(moment) over (partition by account_id order by place),
        cast('9999-12-31 00:00:00+00' as timestamp with time zone)
    ) as valid_to,
    offset_minutes
from changes
