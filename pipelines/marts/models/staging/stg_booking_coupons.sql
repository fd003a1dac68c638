{{ loaded('booking_coupons', {
    'account_id': 'text',
    'booking_number': 'text',
    'position': 'bigint',
    'coupon_code': 'text'
}) }}
