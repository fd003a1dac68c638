with customers as (

{{ loaded('customers', {
    'account_id': 'text',
    'customer_id': 'text',
    'creation_time': 'timestamp with time zone',
    'creation_time_offset_minutes': 'bigint',
    'street_address_country_code': 'text',
    'language_code': 'text',
    'member': 'boolean',
    'deleted_at': 'timestamp with time zone'
}) }}

)

select *
from customers
where deleted_at is null
