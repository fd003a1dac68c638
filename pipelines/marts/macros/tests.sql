{# The columns tell the rows apart, and no column but those named is ever null; `others` names all that are not of the key. #}
{% test keyed(model, columns, nullable=[]) %}
{%- set names = columns if nullable == 'others' or not execute
    else adapter.get_columns_in_relation(model) | map(attribute='name') | reject('in', nullable) | list %}
select
    {{ columns | join(', ') }},
    count(*) as times,
    sum(case when {{ names | join(' is null or ') }} is null then 1 else 0 end) as with_nulls
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1 or sum(case when {{ names | join(' is null or ') }} is null then 1 else 0 end) > 0
{% endtest %}

{# Rows are found in other models by columns of the same names, and days in the calendar; a null is found anywhere. #}
{% test related(model, parents={}, days=[]) %}
{%- set searches = [] %}
{%- for parent, columns in parents.items() %}{% do searches.append((parent, columns, columns)) %}{% endfor %}
{%- for day in days %}{% do searches.append(('dim_dates', [day], ['date_day'])) %}{% endfor %}
{%- for parent, columns, keys in searches %}
select '{{ columns | join(', ') }}' as not_in_{{ parent }}, count(*) as times
from {{ model }} as child
left join {{ ref(parent) }} as parent
    on {% for column in columns %}parent.{{ keys[loop.index0] }} = child.{{ column }}{{ ' and ' if not loop.last }}{% endfor %}
where parent.{{ keys[0] }} is null{% for column in columns %} and child.{{ column }} is not null{% endfor %}
having count(*) > 0
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}

{# Columns hold the values that are named, or null. #}
{% test among(model, values) %}
{%- for column, allowed in values.items() %}
select distinct '{{ column }}' as column_name, cast({{ column }} as {{ dbt.type_string() }}) as unexpected
from {{ model }}
where cast({{ column }} as {{ dbt.type_string() }}) not in ('{{ allowed | join("', '") }}')
{{ 'union all' if not loop.last }}
{%- endfor %}
{% endtest %}
