{{ loaded('people_categories', {
    'account_id': 'text',
    'people_category_id': 'text',
    'name': 'text',
    'num_seats': 'bigint'
}) }}
