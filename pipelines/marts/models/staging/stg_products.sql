{{ loaded('products', {
    'account_id': 'text',
    'product_id': 'text',
    'product_code': 'text',
    'name': 'text',
    'type': 'text',
    'duration_days': 'bigint',
    'duration_hours': 'bigint',
    'duration_minutes': 'bigint'
}) }}
