{# What takes place: taxes, what is recognised, and what was paid and is still to be paid. #}
with bookings as (
    {{ loaded_bookings() }}
),

loaded as (
    select
        bookings.account_id,
        bookings.currency,
        bookings.is_standing * bookings.tax as tax,
        case when bookings.start_time <= accounts.as_of then bookings.is_standing * bookings.gross else 0 end as recognised,
        case when bookings.start_time <= accounts.as_of then bookings.is_standing * bookings.net else 0 end as recognised_net,
        bookings.is_standing * bookings.paid as paid,
        (1 - bookings.is_standing) * bookings.paid as retained,
        bookings.is_standing * (bookings.gross - bookings.paid) as balance
    from bookings
    inner join {{ ref('int_accounts') }} as accounts on accounts.account_id = bookings.account_id
)

{{ differences('loaded', {
    'mart_tours_by_day': {
        'tax': 'tax_amount',
        'recognised': 'recognised_gross_amount',
        'recognised_net': 'recognised_net_amount',
        'paid': 'paid_amount',
        'retained': 'retained_amount',
        'balance': 'outstanding_amount - overpaid_amount + paid_otherwise_amount'
    }
}) }}
