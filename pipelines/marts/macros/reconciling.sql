{#
  Rows where a sum of a model is not what the loaded tables say: for each account and currency, to the cent.
  `loaded` names a common table expression with account_id, currency and all measures; `models` gives for each model the
  expression of each measure.
#}
{% macro differences(loaded, models) -%}
{%- set measures = (models.values() | first).keys() | list -%}
, compared as (
    {%- for model, expressions in models.items() %}
    select '{{ model }}' as model, account_id, currency{% for name in measures %}, {{ expressions[name] }} as {{ name }}{% endfor %}
    from {{ ref(model) }}
    union all
    select '{{ model }}', account_id, currency{% for name in measures %}, -{{ name }}{% endfor %}
    from {{ loaded }}
    {{ 'union all' if not loop.last }}
    {%- endfor %}
)

select model, account_id, currency{% for name in measures %}, sum({{ name }}) as {{ name }}{% endfor %}
from compared
group by model, account_id, currency
having {% for name in measures %}sum({{ name }}) <> 0{{ ' or ' if not loop.last }}{% endfor %}
{%- endmacro %}

{# The loaded bookings that figures count, as the reconciling tests need them. #}
{% macro loaded_bookings() -%}
    select
        account_id,
        booking_number,
        customer_id,
        {{ starts_at() }} as start_time,
        case when canceled then 0 else 1 end as is_standing,
        coalesce(total_gross_currency, 'XXX') as currency,
        coalesce(total_gross_amount, 0) as gross,
        coalesce(total_net_amount, 0) as net,
        coalesce(total_taxes_amount, 0) as tax,
        case when total_paid_currency = total_gross_currency then coalesce(total_paid_amount, 0) else 0 end as paid
    from (
        {{ loaded('bookings', {
            'account_id': 'text',
            'booking_number': 'text',
            'customer_id': 'text',
            'start_time': 'timestamp with time zone',
            'creation_time': 'timestamp with time zone',
            'updated_at': 'timestamp with time zone',
            'canceled': 'boolean',
            'total_gross_currency': 'text',
            'total_gross_amount': 'numeric(19, 4)',
            'total_net_amount': 'numeric(19, 4)',
            'total_taxes_amount': 'numeric(19, 4)',
            'total_paid_currency': 'text',
            'total_paid_amount': 'numeric(19, 4)',
            'deleted_at': 'timestamp with time zone'
        }) }}
    ) as bookings
    where deleted_at is null
{%- endmacro %}
