with accounts as (
    select account_id from {{ ref('stg_bookings') }}
    union
    select account_id from {{ ref('stg_business') }}
    union
    select account_id from {{ ref('stg_payments') }}
    union
    select account_id from {{ ref('stg_products') }}
    union
    select account_id from {{ ref('stg_customers') }}
    union
    select account_id from {{ ref('stg_slots') }}
),

-- Up to when it is read without a gap: reading an old month again makes it no newer.
runs as (
    select
        account_id,
        bookings_until as moment,
        row_number() over (partition by account_id order by ended_at desc, started_at desc) as place
    from {{ ref('stg_load_runs') }}
    where bookings_until is not null
),

-- Of loads by versions that did not note it: when a window was last read, by Bookeo's clock.
windows as (
    select account_id, max(coalesce(server_time, loaded_at)) as moment
    from {{ ref('stg_load_windows') }}
    where resource = 'bookings'
    group by account_id
),

-- Without the ledger: when anything last changed.
changes as (
    select account_id, max(updated_at) as moment from {{ ref('stg_bookings') }} group by account_id
)

select
    accounts.account_id,
    coalesce(runs.moment, windows.moment, changes.moment) as as_of
from accounts
left join runs on runs.account_id = accounts.account_id and runs.place = 1
left join windows on windows.account_id = accounts.account_id
left join changes on changes.account_id = accounts.account_id
