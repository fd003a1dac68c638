with customers as (
    select account_id, person_id, currency, cohort_month
    from {{ ref('mart_customer_value') }}
    where cohort_month is not null
),

cohorts as (
    select account_id, currency, cohort_month, count(*) as cohort_customers
    from customers
    group by account_id, currency, cohort_month
),

months as (
    select distinct month_start, year * 12 + month as place from {{ ref('dim_dates') }}
),

-- Every month of every cohort, those without a booking included.
grid as (
    select
        cohorts.account_id,
        cohorts.currency,
        cohorts.cohort_month,
        cohorts.cohort_customers,
        months.month_start as activity_month,
        months.place - begun.place as months_since
    from cohorts
    inner join {{ ref('dim_accounts') }} as accounts on accounts.account_id = cohorts.account_id
    inner join months as begun on begun.month_start = cohorts.cohort_month
    inner join months on months.month_start >= cohorts.cohort_month
    where months.month_start <= greatest(accounts.as_of_date, cohorts.cohort_month)
),

activity as (
    select
        customers.account_id,
        customers.currency,
        customers.cohort_month,
        cast({{ dbt.date_trunc('month', 'bookings.booked_date') }} as date) as activity_month,
        count(distinct bookings.person_id) as active_customers,
        count(*) as bookings,
        sum(bookings.gross_amount) as gross_amount
    from customers
    inner join {{ ref('fct_bookings') }} as bookings
        on bookings.account_id = customers.account_id
        and bookings.person_id = customers.person_id
        and bookings.currency = customers.currency
    where not bookings.is_canceled
    group by 1, 2, 3, 4
),

filled as (
    select
        grid.account_id,
        grid.currency,
        grid.cohort_month,
        grid.months_since,
        grid.activity_month,
        grid.cohort_customers,
        {{ count_of('activity.active_customers') }} as active_customers,
        {{ count_of('activity.bookings') }} as bookings,
        {{ amount_of('activity.gross_amount') }} as gross_amount
    from grid
    left join activity
        on activity.account_id = grid.account_id
        and activity.currency = grid.currency
        and activity.cohort_month = grid.cohort_month
        and activity.activity_month = grid.activity_month
),

summed as (
    select
        *,
        {{ amount_of('sum(gross_amount) over (partition by account_id, currency, cohort_month order by months_since rows unbounded preceding)') }}
            as cumulative_gross_amount
    from filled
)

select
    account_id,
    currency,
    cohort_month,
    {{ count_of('months_since') }} as months_since,
    activity_month,
    {{ count_of('cohort_customers') }} as cohort_customers,
    active_customers,
    {{ rate_of('active_customers', 'cohort_customers') }} as retention_rate,
    bookings,
    gross_amount,
    cumulative_gross_amount,
    {{ average_amount('cumulative_gross_amount', 'cohort_customers') }} as lifetime_value_amount
from summed
