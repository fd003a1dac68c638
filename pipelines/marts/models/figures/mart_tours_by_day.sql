with days as (
    select
        account_id,
        product_id,
        currency,
        tour_date,
        {{ count_of('count(*)') }} as bookings,
        {{ count_of(standing('1')) }} as standing_bookings,
        {{ count_of('sum(case when has_taken_place then 1 else 0 end)') }} as taken_place_bookings,
        {{ count_of('sum(case when has_taken_place and is_no_show then 1 else 0 end)') }} as no_show_bookings,
        {{ count_of(standing('participants')) }} as participants,
        {{ count_of(standing('seats')) }} as seats,
        {{ count_of(standing('lead_days')) }} as lead_days,
        {%- for kind in ('gross', 'net', 'tax', 'discount') %}
        {{ amount_of(standing(kind ~ '_amount')) }} as {{ kind }}_amount,
        {{ amount_of('sum(case when has_taken_place then ' ~ kind ~ '_amount else 0 end)') }} as recognised_{{ kind }}_amount,
        {%- endfor %}
        {{ amount_of(standing('paid_amount')) }} as paid_amount,
        {{ amount_of('sum(outstanding_amount)') }} as outstanding_amount,
        {{ amount_of('sum(case when has_taken_place then outstanding_amount else 0 end)') }} as overdue_amount,
        {{ amount_of('sum(overpaid_amount)') }} as overpaid_amount,
        {{ amount_of('sum(paid_otherwise_amount)') }} as paid_otherwise_amount,
        {{ amount_of('sum(case when is_canceled then paid_amount else 0 end)') }} as retained_amount
    from {{ ref('fct_bookings') }}
    group by account_id, product_id, currency, tour_date
)

select
    days.account_id,
    days.product_id,
    days.currency,
    days.tour_date,
    dates.weekday,
    case when accounts.hemisphere = 'south' then dates.season_south else dates.season_north end as season,
    days.bookings,
    days.standing_bookings,
    days.bookings - days.standing_bookings as canceled_bookings,
    days.taken_place_bookings,
    days.no_show_bookings,
    {{ rate_of('days.bookings - days.standing_bookings', 'days.bookings') }} as cancelation_rate,
    {{ rate_of('days.no_show_bookings', 'days.taken_place_bookings') }} as no_show_rate,
    days.participants,
    days.seats,
    days.lead_days,
    {{ rate_of('days.lead_days', 'days.standing_bookings') }} as lead_days_average,
    days.gross_amount,
    days.net_amount,
    days.tax_amount,
    days.discount_amount,
    days.recognised_gross_amount,
    days.recognised_net_amount,
    days.recognised_tax_amount,
    days.recognised_discount_amount,
    days.paid_amount,
    days.outstanding_amount,
    days.overdue_amount,
    days.overpaid_amount,
    days.paid_otherwise_amount,
    days.retained_amount
from days
inner join {{ ref('dim_dates') }} as dates on dates.date_day = days.tour_date
inner join {{ ref('dim_accounts') }} as accounts on accounts.account_id = days.account_id
