select
    account_id,
    product_id,
    currency,
    received_date,
    payment_method,
    {{ count_of("sum(case when kind = 'payment' then 1 else 0 end)") }} as payments,
    {{ count_of("sum(case when kind = 'refund' then 1 else 0 end)") }} as refunds,
    {{ amount_of("sum(case when kind = 'payment' then amount else 0 end)") }} as received_amount,
    {{ amount_of("sum(case when kind = 'refund' then -amount else 0 end)") }} as refunded_amount,
    {{ amount_of('sum(amount)') }} as net_amount
from {{ ref('fct_payments') }}
group by account_id, product_id, currency, received_date, payment_method
