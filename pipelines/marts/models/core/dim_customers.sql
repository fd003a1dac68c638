with known as (
    select account_id, customer_id from {{ ref('stg_customers') }}
    union
    select account_id, customer_id from {{ ref('fct_bookings') }} where customer_id is not null
),

booked as (
    select
        account_id,
        customer_id,
        count(*) as bookings,
        {{ standing('1') }} as standing_bookings,
        sum(case when is_no_show then 1 else 0 end) as no_show_bookings,
        min(booked_date) as first_booked_date,
        max(booked_date) as last_booked_date,
        min(case when not is_canceled then tour_date end) as first_tour_date,
        max(case when not is_canceled then tour_date end) as last_tour_date
    from {{ ref('fct_bookings') }}
    where customer_id is not null
    group by account_id, customer_id
)

select
    known.account_id,
    known.customer_id,
    coalesce(people.person_id, known.customer_id) as person_id,
    {{ local_date('clock', 'customers.creation_time', 'customers.creation_time_offset_minutes') }} as created_date,
    customers.street_address_country_code as country_code,
    customers.language_code,
    customers.member as is_member,
    {{ count_of('booked.bookings') }} as bookings,
    {{ count_of('booked.standing_bookings') }} as standing_bookings,
    {{ count_of('booked.bookings - booked.standing_bookings') }} as canceled_bookings,
    {{ count_of('booked.no_show_bookings') }} as no_show_bookings,
    booked.first_booked_date,
    booked.last_booked_date,
    booked.first_tour_date,
    booked.last_tour_date,
    coalesce(
        sum(booked.standing_bookings) over (partition by known.account_id, coalesce(people.person_id, known.customer_id)), 0
    ) > 1 as is_returning
from known
left join {{ ref('int_people') }} as people on people.account_id = known.account_id and people.customer_id = known.customer_id
left join {{ ref('stg_customers') }} as customers
    on customers.account_id = known.account_id and customers.customer_id = known.customer_id
{{ join_offset('clock', 'customers.account_id', 'customers.creation_time', 'customers.creation_time_offset_minutes') }}
left join booked on booked.account_id = known.account_id and booked.customer_id = known.customer_id
