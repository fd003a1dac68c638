{# The columns tell the rows apart; null counts as a value. #}
{% test unique_key(model, columns) %}
select {{ columns | join(', ') }}, count(*) as times
from {{ model }}
group by {{ columns | join(', ') }}
having count(*) > 1
{% endtest %}

{# No column but those named is ever null. #}
{% test never_null(model, except=[]) %}
{%- set names = (adapter.get_columns_in_relation(model) | map(attribute='name') | reject('in', except) | list) if execute else ['1'] %}
select *
from {{ model }}
where {% for name in names %}{{ name }} is null{{ ' or ' if not loop.last }}{% endfor %}
{% endtest %}

{# Rows whose columns are not null are found by them in another model. #}
{% test relationships_of_two(model, columns, to) %}
select child.*
from {{ model }} as child
left join {{ to }} as parent
    on {% for name in columns %}parent.{{ name }} = child.{{ name }}{{ ' and ' if not loop.last }}{% endfor %}
where parent.{{ columns[0] }} is null{% for name in columns %} and child.{{ name }} is not null{% endfor %}
{% endtest %}
