{# People: as many as the bookings were made for. #}
with bookings as (
    {{ loaded_bookings() }}
),

loaded as (
    select participants.account_id, bookings.currency, bookings.is_standing * participants.number as people
    from (
        {{ loaded('booking_participants', {'account_id': 'text', 'booking_number': 'text', 'number': 'bigint'}) }}
    ) as participants
    inner join bookings
        on bookings.account_id = participants.account_id and bookings.booking_number = participants.booking_number
)

{{ differences('loaded', {
    'fct_bookings': {'people': 'case when is_canceled then 0 else participants end'},
    'mart_booked_by_day': {'people': 'participants'},
    'mart_tours_by_day': {'people': 'participants'},
    'mart_weekdays_and_seasons': {'people': 'participants'}
}) }}
