with customers as (

{{ loaded('customers', {
    'account_id': 'text',
    'customer_id': 'text',
    'creation_time': 'timestamp with time zone',
    'email_address': 'text',
    'deleted_at': 'timestamp with time zone'
}) }}

)

select
    account_id,
    customer_id,
    creation_time,
    lower(trim(email_address)) as address
from customers
where deleted_at is null and trim(email_address) <> ''
