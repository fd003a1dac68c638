{{ loaded('booking_coupons', {
    'account_id': 'text',
    'booking_number': 'text',
    'coupon_code': 'text'
}) }}
