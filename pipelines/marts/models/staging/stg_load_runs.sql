{{ loaded('load_runs', {
    'account_id': 'text',
    'started_at': 'timestamp with time zone',
    'ended_at': 'timestamp with time zone',
    'bookings_until': 'timestamp with time zone'
}) }}
