{{ loaded('business', {
    'account_id': 'text',
    'name': 'text',
    'street_address_country_code': 'text'
}) }}
