{{ loaded('product_rates', {
    'account_id': 'text',
    'product_id': 'text',
    'position': 'bigint',
    'people_category_id': 'text',
    'price_amount': 'numeric(19, 4)',
    'price_currency': 'text'
}) }}
