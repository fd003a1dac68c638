{# The schemas of the project are called as its variables staging_schema and marts_schema say. #}
{% macro generate_schema_name(custom_schema_name, node) -%}
    {{ var(custom_schema_name ~ '_schema', custom_schema_name) if custom_schema_name else target.schema }}
{%- endmacro %}
