with people as (
    select
        participants.account_id,
        participants.booking_number,
        sum(participants.number) as participants,
        sum(participants.number * coalesce(categories.num_seats, 1)) as seats
    from {{ ref('stg_booking_participants') }} as participants
    left join {{ ref('stg_people_categories') }} as categories
        on categories.account_id = participants.account_id
        and categories.people_category_id = participants.people_category_id
    group by participants.account_id, participants.booking_number
),

reductions as (
    select account_id, booking_number, unit_price_currency as currency, sum(-unit_price_amount * coalesce(quantity, 1)) as amount
    from {{ ref('stg_booking_price_adjustments') }}
    where unit_price_amount * coalesce(quantity, 1) < 0
    group by account_id, booking_number, unit_price_currency
),

coupons as (
    select distinct account_id, booking_number from {{ ref('stg_booking_coupons') }}
),

bookings as (
    select
        bookings.account_id,
        bookings.booking_number,
        bookings.product_id,
        bookings.customer_id,
        coalesce(people.person_id, bookings.customer_id) as person_id,
        bookings.event_id,
        coalesce(bookings.canceled, false) as is_canceled,
        coalesce(bookings.no_show, false) and not coalesce(bookings.canceled, false) as is_no_show,
        bookings.creation_time,
        bookings.start_time,
        case when bookings.canceled then bookings.cancelation_time end as cancelation_time,
        bookings.start_date_local,
        {{ local_date('made', 'bookings.creation_time', 'bookings.creation_time_offset_minutes') }} as booked_date,
        case
            when bookings.canceled
                then {{ local_date('gone', 'bookings.cancelation_time', 'bookings.cancelation_time_offset_minutes') }}
        end as canceled_date,
        coalesce(bookings.source, 'unknown') as source,
        coalesce(bookings.medium, 'none') as medium,
        coalesce(bookings.campaign, 'none') as campaign,
        coalesce(bookings.term, 'none') as term,
        coalesce(bookings.content, 'none') as content,
        coalesce(bookings.referrer, 'none') as referrer,
        coalesce(bookings.promotion_name, 'none') as promotion,
        coalesce(bookings.total_gross_currency, 'XXX') as currency,
        coalesce(bookings.total_gross_amount, 0) as gross_amount,
        coalesce(bookings.total_net_amount, 0) as net_amount,
        coalesce(bookings.total_taxes_amount, 0) as tax_amount,
        coalesce(bookings.total_paid_currency, 'XXX') <> coalesce(bookings.total_gross_currency, 'XXX')
            and coalesce(bookings.total_paid_amount, 0) <> 0 as is_paid_otherwise,
        coalesce(bookings.total_paid_amount, 0) as total_paid_amount,
        case
            when bookings.customer_id is not null then row_number() over (
                partition by bookings.account_id, coalesce(people.person_id, bookings.customer_id)
                order by bookings.creation_time, bookings.booking_number
            )
        end as customer_booking
    from {{ ref('stg_bookings') }} as bookings
    left join {{ ref('int_people') }} as people
        on people.account_id = bookings.account_id and people.customer_id = bookings.customer_id
    {{ join_offset('made', 'bookings.account_id', 'bookings.creation_time', 'bookings.creation_time_offset_minutes') }}
    {{ join_offset('gone', 'bookings.account_id', 'bookings.cancelation_time', 'bookings.cancelation_time_offset_minutes') }}
),

dated as (
    select
        *,
        coalesce(start_date_local, booked_date) as tour_date,
        case when is_paid_otherwise then 0 else total_paid_amount end as paid_amount,
        -- What a payment in another currency is worth nobody says: neither paid nor outstanding.
        case when is_canceled or is_paid_otherwise then 0 else gross_amount - total_paid_amount end as balance
    from bookings
)

select
    bookings.account_id,
    bookings.booking_number,
    bookings.product_id,
    bookings.customer_id,
    bookings.person_id,
    bookings.event_id,
    case when bookings.is_canceled then 'canceled' else 'standing' end as status,
    bookings.is_canceled,
    bookings.is_no_show,
    not bookings.is_canceled and bookings.start_time <= accounts.as_of as has_taken_place,
    bookings.booked_date,
    bookings.tour_date,
    bookings.canceled_date,
    bookings.creation_time,
    bookings.start_time,
    bookings.cancelation_time,
    greatest({{ count_of(dbt.datediff('bookings.booked_date', 'bookings.tour_date', 'day')) }}, 0) as lead_days,
    {{ count_of('people.participants') }} as participants,
    case when products.sold_per = 'booking' then cast(1 as bigint) else {{ count_of('people.seats') }} end as seats,
    bookings.source,
    bookings.medium,
    bookings.campaign,
    bookings.term,
    bookings.content,
    bookings.referrer,
    bookings.promotion,
    coupons.booking_number is not null as has_coupon,
    cast(bookings.customer_booking as bigint) as customer_booking,
    case
        when bookings.customer_booking is null then 'unknown' when bookings.customer_booking = 1 then 'new' else 'returning'
    end as customer_kind,
    bookings.currency,
    cast(bookings.gross_amount as numeric(19, 4)) as gross_amount,
    cast(bookings.net_amount as numeric(19, 4)) as net_amount,
    cast(bookings.tax_amount as numeric(19, 4)) as tax_amount,
    cast(coalesce(reductions.amount, 0) as numeric(19, 4)) as discount_amount,
    cast(bookings.paid_amount as numeric(19, 4)) as paid_amount,
    cast(greatest(bookings.balance, 0) as numeric(19, 4)) as outstanding_amount,
    cast(greatest(-bookings.balance, 0) as numeric(19, 4)) as overpaid_amount,
    cast(
        case when bookings.is_paid_otherwise and not bookings.is_canceled then bookings.gross_amount else 0 end as numeric(19, 4)
    ) as paid_otherwise_amount
from dated as bookings
inner join {{ ref('int_accounts') }} as accounts on accounts.account_id = bookings.account_id
left join {{ ref('dim_products') }} as products
    on products.account_id = bookings.account_id and products.product_id = bookings.product_id
left join people on people.account_id = bookings.account_id and people.booking_number = bookings.booking_number
left join reductions
    on reductions.account_id = bookings.account_id
    and reductions.booking_number = bookings.booking_number
    and reductions.currency = bookings.currency
left join coupons on coupons.account_id = bookings.account_id and coupons.booking_number = bookings.booking_number
