{#
  Selects columns of a loaded table. A table that was never loaded has no rows here, and a column that an older load did not
  know, or that the privacy settings leave out, is null.
#}
{% macro loaded(table, columns) -%}
    {%- set relation = source('bookeo', table) -%}
    {%- set present = loaded_columns(relation) if execute else [] -%}
select
    {%- for name, type in columns.items() %}
    {% if name in present %}{{ name }}{% else %}cast(null as {{ loaded_type(type) }}) as {{ name }}{% endif %}{{ ',' if not loop.last }}
    {%- endfor %}
from {{ relation if present else '(select 1 as nothing) as never_loaded where 1 = 0' }}
{%- endmacro %}

{#
  Names of the columns that a table has; none if there is no such table. The database is asked and not dbt's cache of
  relations: as long as one thread fills that, the others see a part of a schema.
#}
{% macro loaded_columns(relation) -%}
    {%- set of_the_table -%}
        select column_name
        from information_schema.columns
        where lower(table_catalog) = lower({{ dbt.string_literal(dbt.escape_single_quotes(relation.database)) }})
            and lower(table_schema) = lower({{ dbt.string_literal(dbt.escape_single_quotes(relation.schema)) }})
            and lower(table_name) = lower({{ dbt.string_literal(dbt.escape_single_quotes(relation.identifier)) }})
    {%- endset -%}
    {{ return(run_query(of_the_table).columns[0].values() | list) }}
{%- endmacro %}

{# The type that a load gives a column: a table that is loaded later changes no type in what is built on it. #}
{% macro loaded_type(type) -%}
    {%- set in_postgres = {'text': 'varchar', 'timestamp with time zone': 'timestamp(6) with time zone'} -%}
    {{ return(in_postgres.get(type, type) if target.type == 'postgres' else type) }}
{%- endmacro %}
