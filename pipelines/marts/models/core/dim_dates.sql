-- Years, not one span from the first day to the last: a mistyped year must not make a calendar of centuries.
with happened as (
    select booked_date as day from {{ ref('fct_bookings') }}
    union all
    select tour_date from {{ ref('fct_bookings') }}
    union all
    select received_date from {{ ref('fct_payments') }}
    union all
    select tour_date from {{ ref('fct_slots') }}
),

numbers as (
    {{ dbt.generate_series(366) }}
),

-- Customers are followed from month to month, those without a booking included.
followed as (
    select
        greatest(min(extract(year from bookings.booked_date)), max(extract(year from accounts.as_of_date)) - 365) as first_year,
        max(extract(year from accounts.as_of_date)) as last_year
    from {{ ref('fct_bookings') }} as bookings
    inner join {{ ref('dim_accounts') }} as accounts on accounts.account_id = bookings.account_id
),

years as (
    select cast(extract(year from day) as integer) as year from happened where day is not null
    union
    -- Figures of last year are shown a year on.
    select cast(extract(year from day) as integer) + 1 from happened where extract(year from day) < 9999
    union
    select cast(followed.first_year + numbers.generated_number - 1 as integer)
    from followed
    inner join numbers on followed.first_year + numbers.generated_number - 1 <= followed.last_year
),

spine as (
    select
        years.year,
        cast({{ dbt.dateadd('day', 'cast(numbers.generated_number - 1 as integer)', 'make_date(years.year, 1, 1)') }} as date) as date_day
    from years
    cross join numbers
),

days as (
    select
        date_day,
        year,
        cast(extract(month from date_day) as integer) as month,
        cast(extract(isodow from date_day) as integer) as weekday
    from spine
    where extract(year from date_day) = year
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
