-- Customers whom Bookeo holds more than once, by their e-mail address; the address itself goes no further.
with shared as (
    select account_id, address
    from {{ ref('stg_customer_addresses') }}
    group by account_id, address
    having count(*) between 2 and {{ var('ids_of_a_person') }}
)

select
    customers.account_id,
    customers.customer_id,
    first_value(customers.customer_id) over (
        partition by customers.account_id, customers.address
        order by customers.creation_time nulls last, customers.customer_id
    ) as person_id
from {{ ref('stg_customer_addresses') }} as customers
inner join shared on shared.account_id = customers.account_id and shared.address = customers.address
