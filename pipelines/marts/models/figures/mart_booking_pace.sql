with points as (
    {%- for days in var('days_before') %}
    select {{ days }} as days_before{{ ' union all' if not loop.last }}
    {%- endfor %}
),

bookings as (
    select
        *,
        {{ dbt.datediff('booked_date', 'tour_date', 'day') }} as made_before,
        {{ dbt.datediff('canceled_date', 'tour_date', 'day') }} as canceled_before
    from {{ ref('fct_bookings') }}
),

-- What was on the books at the end of each of these days: made by then, and not canceled by then.
on_the_books as (
    select
        bookings.account_id,
        bookings.product_id,
        bookings.currency,
        bookings.tour_date,
        points.days_before,
        count(*) as bookings,
        sum(bookings.seats) as seats,
        sum(bookings.gross_amount) as gross_amount
    from bookings
    inner join points on bookings.made_before >= points.days_before
    where not bookings.is_canceled or bookings.canceled_before < points.days_before
    group by bookings.account_id, bookings.product_id, bookings.currency, bookings.tour_date, points.days_before
),

last_year as (
    select
        account_id,
        product_id,
        currency,
        cast({{ dbt.dateadd('day', 364, 'tour_date') }} as date) as tour_date,
        days_before,
        bookings,
        seats,
        gross_amount
    from on_the_books
),

grid as (
    select account_id, product_id, currency, tour_date, days_before from on_the_books
    union
    select account_id, product_id, currency, tour_date, days_before from last_year
)

select
    grid.account_id,
    grid.product_id,
    grid.currency,
    grid.tour_date,
    grid.days_before,
    {{ count_of('this_year.bookings') }} as bookings,
    {{ count_of('this_year.seats') }} as seats,
    {{ amount_of('this_year.gross_amount') }} as gross_amount,
    {{ count_of('last_year.bookings') }} as bookings_last_year,
    {{ count_of('last_year.seats') }} as seats_last_year,
    {{ amount_of('last_year.gross_amount') }} as gross_amount_last_year
from grid
inner join {{ ref('dim_accounts') }} as accounts on accounts.account_id = grid.account_id
left join on_the_books as this_year
    on this_year.account_id = grid.account_id
    and this_year.product_id = grid.product_id
    and this_year.currency = grid.currency
    and this_year.tour_date = grid.tour_date
    and this_year.days_before = grid.days_before
left join last_year
    on last_year.account_id = grid.account_id
    and last_year.product_id = grid.product_id
    and last_year.currency = grid.currency
    and last_year.tour_date = grid.tour_date
    and last_year.days_before = grid.days_before
where {{ dbt.dateadd('day', '-grid.days_before', 'grid.tour_date') }} <= accounts.as_of_date
