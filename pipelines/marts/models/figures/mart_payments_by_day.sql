select
    account_id,
    product_id,
    currency,
    received_date,
    payment_method,
    nature,
    {{ count_of("sum(case when kind = 'payment' then 1 else 0 end)") }} as payments,
    {{ count_of("sum(case when kind = 'refund' then 1 else 0 end)") }} as refunds,
    {{ amount_of("sum(case when nature = 'money' and kind = 'payment' then amount else 0 end)") }} as received_amount,
    {{ amount_of("sum(case when nature = 'money' and kind = 'refund' then -amount else 0 end)") }} as refunded_amount,
    {{ amount_of("sum(case when nature = 'money' then amount else 0 end)") }} as net_amount,
    {{ amount_of("sum(case when nature = 'stored_value' then amount else 0 end)") }} as redeemed_amount,
    {{ amount_of("sum(case when nature = 'on_account' then amount else 0 end)") }} as on_account_amount,
    {{ amount_of("sum(case when nature = 'unknown' then amount else 0 end)") }} as unknown_amount
from {{ ref('fct_payments') }}
group by account_id, product_id, currency, received_date, payment_method, nature
