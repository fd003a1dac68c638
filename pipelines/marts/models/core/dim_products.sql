with mentioned as (
    select account_id, product_id, product_name, creation_time from {{ ref('stg_bookings') }}
    union all
    select account_id, product_id, null, null from {{ ref('stg_slots') }}
),

ranked as (
    select
        account_id,
        product_id,
        product_name,
        row_number() over (
            partition by account_id, product_id
            order by case when product_name is null then 1 else 0 end, creation_time desc
        ) as place
    from mentioned
),

latest as (
    select account_id, product_id, product_name from ranked where place = 1
),

sold as (
    select account_id, product_id from {{ ref('stg_products') }}
    union
    select account_id, product_id from latest
),

rates as (
    select account_id, product_id, count(people_category_id) as for_people
    from {{ ref('stg_product_rates') }}
    group by account_id, product_id
)

select
    sold.account_id,
    sold.product_id,
    coalesce(products.name, latest.product_name, sold.product_id) as product_name,
    products.product_code,
    coalesce(products.type, 'unknown') as product_type,
    case
        when products.duration_days is not null or products.duration_hours is not null or products.duration_minutes is not null
            then
                coalesce(products.duration_days, 0) * 1440
                + coalesce(products.duration_hours, 0) * 60
                + coalesce(products.duration_minutes, 0)
    end as duration_minutes,
    case when rates.for_people is null then 'unknown' when rates.for_people > 0 then 'person' else 'booking' end as sold_per,
    products.product_id is not null as is_sold
from sold
left join {{ ref('stg_products') }} as products on products.account_id = sold.account_id and products.product_id = sold.product_id
left join latest on latest.account_id = sold.account_id and latest.product_id = sold.product_id
left join rates on rates.account_id = sold.account_id and rates.product_id = sold.product_id
