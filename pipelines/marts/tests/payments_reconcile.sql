{# Payments: all money that was received and paid back. #}
with loaded as (
    select
        account_id,
        coalesce(currency, 'XXX') as currency,
        case when amount < 0 then 0 else 1 end as payments,
        case when amount < 0 then 1 else 0 end as refunds,
        amount
    from (
        {{ loaded('payments', {'account_id': 'text', 'currency': 'text', 'amount': 'numeric(19, 4)'}) }}
    ) as payments
)

{{ differences('loaded', {
    'fct_payments': {
        'payments': "case when kind = 'payment' then 1 else 0 end",
        'refunds': "case when kind = 'refund' then 1 else 0 end",
        'amount': 'amount'
    },
    'mart_payments_by_day': {
        'payments': 'payments', 'refunds': 'refunds', 'amount': 'received_amount - refunded_amount + redeemed_amount + on_account_amount + unknown_amount'
    }
}) }}
