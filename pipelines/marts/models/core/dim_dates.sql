{#- The years are asked for while the model is written, as the calendar's length must be known then. -#}
{%- set edges %}
    select min(day), max(day) from (
        select min(booked_date) as day from {{ ref('fct_bookings') }}
        union all select max(booked_date) from {{ ref('fct_bookings') }}
        union all select min(tour_date) from {{ ref('fct_bookings') }}
        union all select max(tour_date) from {{ ref('fct_bookings') }}
        union all select min(received_date) from {{ ref('fct_payments') }}
        union all select max(received_date) from {{ ref('fct_payments') }}
        union all select min(tour_date) from {{ ref('fct_slots') }}
        union all select max(tour_date) from {{ ref('fct_slots') }}
    ) as days
{%- endset %}
{%- set found = run_query(edges).rows[0] if execute else [none, none] %}
{%- set first_year = found[0].year if found[0] else 2000 %}
{%- set last_year = (found[1].year if found[1] else 2000) + 1 %}
{#- Figures of last year are shown a year on, so the calendar ends a year later than the last day. #}
with spine as (
    {{ dbt.date_spine('day', "cast('%04d-01-01' as date)" % first_year, "cast('%04d-01-01' as date)" % (last_year + 1)) }}
),

days as (
    select
        cast(date_day as date) as date_day,
        cast(extract(year from date_day) as integer) as year,
        cast(extract(month from date_day) as integer) as month,
        cast(extract(isodow from date_day) as integer) as weekday
    from spine
    {{ 'where 1 = 0' if not found[0] }}
)

select
    date_day,
    year,
    cast(extract(quarter from date_day) as integer) as quarter,
    month,
    cast({{ dbt.date_trunc('month', 'date_day') }} as date) as month_start,
    cast({{ dbt.dateadd('day', '1 - weekday', 'date_day') }} as date) as week_start,
    weekday,
    case weekday
        when 1 then 'Monday' when 2 then 'Tuesday' when 3 then 'Wednesday' when 4 then 'Thursday'
        when 5 then 'Friday' when 6 then 'Saturday' else 'Sunday'
    end as weekday_name,
    weekday >= 6 as is_weekend,
    {{ season_of('month') }} as season_north,
    {{ season_of('(month + 5) % 12 + 1') }} as season_south,
    cast({{ dbt.dateadd('day', -364, 'date_day') }} as date) as same_weekday_last_year
from days
