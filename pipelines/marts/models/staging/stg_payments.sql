with payments as (

{{ loaded('payments', {
    'account_id': 'text',
    'payment_id': 'text',
    'booking_number': 'text',
    'customer_id': 'text',
    'creation_time': 'timestamp with time zone',
    'received_time': 'timestamp with time zone',
    'payment_method': 'text',
    'agent': 'text',
    'gateway_name': 'text',
    'amount': 'numeric(19, 4)',
    'currency': 'text',
    'fetched_at': 'timestamp with time zone'
}) }}

)

select
    account_id,
    payment_id,
    booking_number,
    customer_id,
    -- Without a time of receipt, when it was recorded or first seen.
    coalesce(received_time, creation_time, fetched_at) as received_time,
    coalesce(payment_method, 'unknown') as payment_method,
    agent,
    gateway_name,
    coalesce(amount, 0) as amount,
    currency
from payments
