{{ loaded('booking_participants', {
    'account_id': 'text',
    'booking_number': 'text',
    'position': 'bigint',
    'people_category_id': 'text',
    'number': 'bigint'
}) }}
