{#
  Selects columns of a loaded table. A table that was never loaded has no rows here, and a column that an older load did not
  know, or that the privacy settings leave out, is null.
#}
{% macro loaded(table, columns) -%}
    {%- set source_relation = source('bookeo', table) -%}
    {%- set relation = load_relation(source_relation) if execute else none -%}
    {%- set present = adapter.get_columns_in_relation(relation) | map(attribute='name') | list if relation else [] -%}
select
    {%- for name, type in columns.items() %}
    {% if name in present %}{{ name }}{% else %}cast(null as {{ type }}) as {{ name }}{% endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ source_relation if relation else '(select 1 as nothing) as never_loaded where 1 = 0' }}
{%- endmacro %}
