{{ loaded('booking_price_adjustments', {
    'account_id': 'text',
    'booking_number': 'text',
    'position': 'bigint',
    'unit_price_amount': 'numeric(19, 4)',
    'unit_price_currency': 'text',
    'quantity': 'bigint'
}) }}
