{{ loaded('payments', {
    'account_id': 'text',
    'payment_id': 'text',
    'booking_number': 'text',
    'customer_id': 'text',
    'received_time': 'timestamp with time zone',
    'payment_method': 'text',
    'agent': 'text',
    'gateway_name': 'text',
    'amount': 'numeric(19, 4)',
    'currency': 'text'
}) }}
