select
    days.account_id,
    days.product_id,
    days.currency,
    dates.year as tour_year,
    days.season,
    days.weekday,
    {{ count_of('count(*)') }} as tour_days,
    {{ count_of('sum(days.standing_bookings)') }} as standing_bookings,
    {{ count_of('sum(days.participants)') }} as participants,
    {{ count_of('sum(days.seats)') }} as seats,
    {{ amount_of('sum(days.gross_amount)') }} as gross_amount,
    {{ amount_of('sum(days.net_amount)') }} as net_amount
from {{ ref('mart_tours_by_day') }} as days
inner join {{ ref('dim_dates') }} as dates on dates.date_day = days.tour_date
where days.standing_bookings > 0
group by days.account_id, days.product_id, days.currency, dates.year, days.season, days.weekday
