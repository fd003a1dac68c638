select
    bookings.account_id,
    bookings.booking_number,
    participants.people_category_id,
    coalesce(max(categories.name), participants.people_category_id) as people_category,
    bookings.product_id,
    bookings.tour_date,
    bookings.is_canceled,
    {{ count_of('sum(participants.number)') }} as participants,
    {{ count_of('sum(participants.number * coalesce(categories.num_seats, 1))') }} as seats
from {{ ref('stg_booking_participants') }} as participants
inner join {{ ref('fct_bookings') }} as bookings
    on bookings.account_id = participants.account_id and bookings.booking_number = participants.booking_number
left join {{ ref('stg_people_categories') }} as categories
    on categories.account_id = participants.account_id and categories.people_category_id = participants.people_category_id
group by
    bookings.account_id,
    bookings.booking_number,
    participants.people_category_id,
    bookings.product_id,
    bookings.tour_date,
    bookings.is_canceled
