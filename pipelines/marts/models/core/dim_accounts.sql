with counted as (
    select account_id, total_gross_currency as currency, count(*) as bookings
    from {{ ref('stg_bookings') }}
    where total_gross_currency is not null
    group by account_id, total_gross_currency
),

currencies as (
    select account_id, currency, row_number() over (partition by account_id order by bookings desc, currency) as place
    from counted
)

select
    accounts.account_id,
    coalesce(business.name, accounts.account_id) as account_name,
    business.street_address_country_code as country_code,
    case
        when business.street_address_country_code in ('{{ var("southern_countries") | join("', '") }}') then 'south' else 'north'
    end as hemisphere,
    currencies.currency as main_currency,
    accounts.as_of,
    {{ local_date('clock', 'accounts.as_of') }} as as_of_date
from {{ ref('int_accounts') }} as accounts
left join {{ ref('stg_business') }} as business on business.account_id = accounts.account_id
left join currencies on currencies.account_id = accounts.account_id and currencies.place = 1
{{ join_offset('clock', 'accounts.account_id', 'accounts.as_of') }}
