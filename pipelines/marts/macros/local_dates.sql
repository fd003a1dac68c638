{#
  Joins the offset that the account's clocks probably showed at a moment, as int_utc_offsets knows it: for moments of which
  Bookeo tells none, such as that of a load, and for rows of versions that did not keep it.
#}
{% macro join_offset(alias, account_id, moment, own_offset='null') -%}
left join {{ ref('int_utc_offsets') }} as {{ alias }}
    on {{ alias }}.account_id = {{ account_id }}
    and {{ own_offset }} is null
    and {{ moment }} >= {{ alias }}.valid_from
    and {{ moment }} < {{ alias }}.valid_to
{%- endmacro %}

{# The day that the business's clocks showed at a moment: by its own offset, else by the one joined; UTC without either. #}
{% macro local_date(alias, moment, own_offset='null') -%}
    cast({{ dbt.dateadd(
        'minute', 'coalesce(' ~ own_offset ~ ', ' ~ alias ~ '.offset_minutes, 0)', '(' ~ moment ~ " at time zone 'UTC')"
    ) }} as date)
{%- endmacro %}
