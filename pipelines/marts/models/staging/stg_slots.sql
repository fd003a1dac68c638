{{ loaded('slots', {
    'account_id': 'text',
    'product_id': 'text',
    'event_id': 'text',
    'snapshot_at': 'timestamp with time zone',
    'start_time': 'timestamp with time zone',
    'end_time': 'timestamp with time zone',
    'start_date_local': 'date',
    'start_time_local': 'time',
    'num_seats_available': 'bigint'
}) }}
