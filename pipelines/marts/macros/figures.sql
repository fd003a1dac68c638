{# A count or a sum of counts: never null, always a bigint. #}
{% macro count_of(expression) -%}
    cast(coalesce({{ expression }}, 0) as bigint)
{%- endmacro %}

{# A sum of money: never null, exact. #}
{% macro amount_of(expression) -%}
    cast(coalesce({{ expression }}, 0) as numeric(38, 4))
{%- endmacro %}

{# A share of two counts, between 0 and 1 in most cases; null where there is nothing to take a share of. #}
{% macro rate_of(part, whole) -%}
    cast({{ divided(part, whole, 6) }} as numeric(19, 6))
{%- endmacro %}

{# An amount for each of a number of things; null where there are none. #}
{% macro average_amount(amount, count) -%}
    cast({{ divided(amount, count, 4) }} as numeric(38, 4))
{%- endmacro %}

{# Divides by a count, rounded half away from zero to some decimals; null where the count is 0. Never a float. #}
{% macro divided(number, count, places) -%}
    {{ return(adapter.dispatch('divided', 'bookeo_marts')(number, count, places)) }}
{%- endmacro %}

{% macro default__divided(number, count, places) -%}
    round(cast({{ number }} as numeric) / nullif({{ count }}, 0), {{ places }})
{%- endmacro %}

{# DuckDB's / makes a float of a decimal, its // stays among whole numbers. #}
{% macro duckdb__divided(number, count, places) -%}
    sign({{ number }})
    * cast(
        (abs(cast(({{ number }}) * {{ 10 ** places }} as hugeint)) * 2 + ({{ count }})) // nullif(2 * ({{ count }}), 0)
        as decimal(28, 0)
    )
    * cast({{ '%.*f' % (places, 0.1 ** places) }} as decimal(7, {{ places }}))
{%- endmacro %}

{#
  What is shown of a column that holds anybody's words: the values of most bookings of the account, and "other (n)" for the n
  others. As a common table expression called `shown_<column>`, to be joined by account_id and the column.
#}
{% macro shown(column) -%}
shown_{{ column }} as (
    select
        account_id,
        {{ column }},
        case
            when place <= {{ var('shown_values') }} then {{ column }}
            else 'other (' || cast(different - {{ var('shown_values') }} as varchar) || ')'
        end as shown
    from (
        select
            account_id,
            {{ column }},
            row_number() over (partition by account_id order by count(*) desc, {{ column }}) as place,
            count(*) over (partition by account_id) as different
        from {{ ref('fct_bookings') }}
        group by account_id, {{ column }}
    ) as counted
)
{%- endmacro %}

{# Joins what is shown of a column to bookings. #}
{% macro join_shown(column) -%}
inner join shown_{{ column }}
    on shown_{{ column }}.account_id = bookings.account_id and shown_{{ column }}.{{ column }} = bookings.{{ column }}
{%- endmacro %}

{# The season of a month on the northern hemisphere, by meteorologists' whole months; pass months moved by six for the southern. #}
{% macro season_of(month) -%}
    case when {{ month }} in (12, 1, 2) then 'winter' when {{ month }} in (3, 4, 5) then 'spring'
        when {{ month }} in (6, 7, 8) then 'summer' else 'autumn' end
{%- endmacro %}

{# Figures of bookings that are not canceled, of rows of fct_bookings. #}
{% macro standing(expression) -%}
    sum(case when not is_canceled then {{ expression }} else 0 end)
{%- endmacro %}
