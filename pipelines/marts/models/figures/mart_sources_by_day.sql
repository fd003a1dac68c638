with {{ shown('source') }},

{{ shown('medium') }},

{{ shown('campaign') }}

select
    bookings.account_id,
    bookings.product_id,
    bookings.currency,
    bookings.booked_date,
    shown_source.shown as source,
    shown_medium.shown as medium,
    shown_campaign.shown as campaign,
    {{ count_of('count(*)') }} as bookings,
    {{ count_of(standing('1')) }} as standing_bookings,
    {{ count_of('sum(case when bookings.is_canceled then 1 else 0 end)') }} as canceled_bookings,
    {{ count_of(standing("case when bookings.customer_kind = 'new' then 1 else 0 end")) }} as new_customer_bookings,
    {{ count_of(standing('bookings.seats')) }} as seats,
    {{ amount_of(standing('bookings.gross_amount')) }} as gross_amount,
    {{ amount_of(standing('bookings.net_amount')) }} as net_amount
from {{ ref('fct_bookings') }} as bookings
{{ join_shown('source') }}
{{ join_shown('medium') }}
{{ join_shown('campaign') }}
group by
    bookings.account_id,
    bookings.product_id,
    bookings.currency,
    bookings.booked_date,
    shown_source.shown,
    shown_medium.shown,
    shown_campaign.shown
