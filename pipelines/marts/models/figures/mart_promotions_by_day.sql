with {{ shown('promotion') }}

select
    bookings.account_id,
    bookings.product_id,
    bookings.currency,
    bookings.booked_date,
    shown_promotion.shown as promotion,
    {{ count_of('count(*)') }} as bookings,
    {{ count_of(standing('1')) }} as standing_bookings,
    {{ count_of('sum(case when bookings.is_canceled then 1 else 0 end)') }} as canceled_bookings,
    {{ count_of(standing('case when bookings.has_coupon then 1 else 0 end')) }} as coupon_bookings,
    {{ count_of(standing('bookings.seats')) }} as seats,
    {{ amount_of(standing('bookings.gross_amount')) }} as gross_amount,
    {{ amount_of(standing('bookings.net_amount')) }} as net_amount,
    {{ amount_of(standing('bookings.discount_amount')) }} as discount_amount
from {{ ref('fct_bookings') }} as bookings
{{ join_shown('promotion') }}
group by bookings.account_id, bookings.product_id, bookings.currency, bookings.booked_date, shown_promotion.shown
