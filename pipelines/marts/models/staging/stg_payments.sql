with payments as (

{{ loaded('payments', {
    'account_id': 'text',
    'payment_id': 'text',
    'booking_number': 'text',
    'customer_id': 'text',
    'creation_time': 'timestamp with time zone',
    'creation_time_offset_minutes': 'bigint',
    'received_time': 'timestamp with time zone',
    'received_time_offset_minutes': 'bigint',
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
    case
        when received_time is not null then received_time_offset_minutes
        when creation_time is not null then creation_time_offset_minutes
    end as received_time_offset_minutes,
    coalesce(payment_method, 'unknown') as payment_method,
    agent,
    gateway_name,
    coalesce(amount, 0) as amount,
    currency
from payments
