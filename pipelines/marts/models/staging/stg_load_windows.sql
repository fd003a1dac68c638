{{ loaded('load_windows', {
    'account_id': 'text',
    'resource': 'text',
    'window_start': 'timestamp with time zone',
    'server_time': 'timestamp with time zone',
    'loaded_at': 'timestamp with time zone'
}) }}
