{# Joins the offset that the account's clocks showed at a moment, as int_utc_offsets knows it. #}
{% macro join_offset(alias, account_id, moment) -%}
left join {{ ref('int_utc_offsets') }} as {{ alias }}
    on {{ alias }}.account_id = {{ account_id }} and {{ moment }} >= {{ alias }}.valid_from and {{ moment }} < {{ alias }}.valid_to
{%- endmacro %}

{# The day that the account's clocks showed at a moment; UTC where no offset is known. #}
{% macro local_date(alias, moment) -%}
    cast({{ dbt.dateadd('minute', 'coalesce(' ~ alias ~ '.offset_minutes, 0)', '(' ~ moment ~ " at time zone 'UTC')") }} as date)
{%- endmacro %}
