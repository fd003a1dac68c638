select
    payments.account_id,
    payments.payment_id,
    bookings.booking_number,
    bookings.product_id,
    payments.customer_id,
    payments.received_time,
    {{ local_date('clock', 'payments.received_time', 'payments.received_time_offset_minutes') }} as received_date,
    payments.payment_method,
    {{ nature_of('payments.payment_method') }} as nature,
    case when payments.amount < 0 then 'refund' else 'payment' end as kind,
    payments.agent is null as is_online,
    payments.gateway_name,
    coalesce(payments.currency, 'XXX') as currency,
    payments.amount
from {{ ref('stg_payments') }} as payments
left join {{ ref('fct_bookings') }} as bookings
    on bookings.account_id = payments.account_id and bookings.booking_number = payments.booking_number
{{ join_offset('clock', 'payments.account_id', 'payments.received_time', 'payments.received_time_offset_minutes') }}
