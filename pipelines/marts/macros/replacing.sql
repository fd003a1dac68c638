{#
  PostgreSQL: tables and views keep their identity from build to build, and with it what readers have made of them: views,
  grants, indexes. dbt's own way makes each anew and drops the old one with all that depends on it.

  Rows are replaced in one transaction: readers see those of the last build until all new ones are there.
#}
{% materialization table, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='table') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set kind = kind_of(this) -%}
    {%- if kind == 'v' %}{% do run_query('drop view ' ~ this) %}{% endif -%}
    {%- if kind == 'r' -%}
        {#- A view of this session tells the new columns without a single row being worked out. -#}
        {%- set made = '"pg_temp"."' ~ this.identifier ~ '"' -%}
        {%- do run_query('create temporary view "' ~ this.identifier ~ '" as (' ~ sql ~ ')') -%}
        {%- set columns = columns_of(made) -%}
        {%- do run_query('delete from ' ~ this) -%}
        {%- do alter_columns(this, columns_of(this), columns) -%}
        {%- set names = '"' ~ columns.keys() | join('", "') ~ '"' -%}
        {%- call statement('main') -%}
            insert into {{ this }} ({{ names }}) select {{ names }} from {{ made }}
        {%- endcall -%}
        {%- do run_query('drop view ' ~ made) -%}
    {%- else -%}
        {%- call statement('main') -%}create table {{ this }} as ({{ sql }}){%- endcall -%}
    {%- endif -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{% materialization view, adapter='postgres' %}
    {%- set target_relation = this.incorporate(type='view') -%}
    {{ run_hooks(pre_hooks, inside_transaction=False) }}
    {{ run_hooks(pre_hooks, inside_transaction=True) }}
    {%- set kind = kind_of(this) -%}
    {%- set grants = [] -%}
    {%- if kind == 'r' %}{% do run_query('drop table ' ~ this) %}{% endif -%}
    {%- if kind == 'v' -%}
        {%- set made = '"pg_temp"."' ~ this.identifier ~ '"' -%}
        {%- do run_query('create temporary view "' ~ this.identifier ~ '" as (' ~ sql ~ ')') -%}
        {%- set before, after = columns_of(this), columns_of(made) -%}
        {%- do run_query('drop view ' ~ made) -%}
        {#- PostgreSQL adds columns at the end of a view; for any other change it has to be made anew. -#}
        {%- if before.values() | map(attribute='exactly') | list
            != (after.values() | map(attribute='exactly') | list)[:before | length]
            or before.keys() | list != (after.keys() | list)[:before | length] -%}
            {%- do refuse_if_read(this, before.values() | map(attribute='number') | list, 'has other columns now') -%}
            {%- for row in run_query(grants_on(this)).rows %}{% do grants.append(row[0]) %}{% endfor -%}
            {%- do run_query('drop view ' ~ this) -%}
        {%- endif -%}
    {%- endif -%}
    {%- call statement('main') -%}create or replace view {{ this }} as ({{ sql }}){%- endcall -%}
    {%- for grant in grants %}{% do run_query(grant) %}{% endfor -%}
    {%- do persist_docs(target_relation, model) -%}
    {{ run_hooks(post_hooks, inside_transaction=True) }}
    {%- do adapter.commit() -%}
    {{ run_hooks(post_hooks, inside_transaction=False) }}
    {{ return({'relations': [target_relation]}) }}
{% endmaterialization %}

{# 'r' for a table, 'v' for a view, none for nothing. The database is asked and not dbt's memory of it. #}
{% macro kind_of(relation) -%}
    {%- set found = run_query("select relkind::text from pg_class where oid = to_regclass(" ~ named(relation) ~ ")").rows -%}
    {{ return(found[0][0] if found else none) }}
{%- endmacro %}

{#
  The columns of a relation by their names: place, type as it is written, and what makes two types differ for rows that are
  put in. A text is a text, whether PostgreSQL calls it text or character varying.
#}
{% macro columns_of(relation) -%}
    {%- set asked -%}
        select
            attname::text,
            attnum::bigint,
            format_type(atttypid, atttypmod),
            format_type(
                case when atttypid = 'varchar'::regtype then 'text'::regtype else atttypid end,
                case when atttypid = 'numeric'::regtype then atttypmod else -1 end
            )
        from pg_attribute
        where attrelid = to_regclass({{ named(relation) }}) and attnum > 0 and not attisdropped
        order by attnum
    {%- endset -%}
    {%- set columns = {} -%}
    {%- for row in run_query(asked).rows -%}
        {%- do columns.update({row[0]: {'number': row[1] | int, 'exactly': row[2], 'kind': row[3]}}) -%}
    {%- endfor -%}
    {{ return(columns) }}
{%- endmacro %}

{# Gives a table, which is empty, other columns; those that stay as they are keep what hangs on them. #}
{% macro alter_columns(relation, before, after) -%}
    {%- for name, column in before.items() -%}
        {%- if name not in after -%}
            {%- do refuse_if_read(relation, [column.number], 'has no column ' ~ name ~ ' any more') -%}
            {%- do run_query('alter table ' ~ relation ~ ' drop column "' ~ name ~ '"') -%}
        {%- elif after[name].kind != column.kind -%}
            {%- do refuse_if_read(relation, [column.number], 'has another type of column ' ~ name) -%}
            {%- do run_query(
                'alter table ' ~ relation ~ ' alter column "' ~ name ~ '" type ' ~ after[name].exactly
                ~ ' using null::' ~ after[name].exactly
            ) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for name, column in after.items() if name not in before -%}
        {%- do run_query('alter table ' ~ relation ~ ' add column "' ~ name ~ '" ' ~ column.exactly) -%}
    {%- endfor -%}
{%- endmacro %}

{# Stops, before anything is dropped, where a view of somebody reads columns; the command shows the sentence. #}
{% macro refuse_if_read(relation, numbers, what) -%}
    {%- set asked -%}
        select distinct quote_ident(pg_namespace.nspname) || '.' || quote_ident(pg_class.relname) as reader
        from pg_depend
        inner join pg_rewrite on pg_rewrite.oid = pg_depend.objid
        inner join pg_class on pg_class.oid = pg_rewrite.ev_class
        inner join pg_namespace on pg_namespace.oid = pg_class.relnamespace
        where pg_depend.classid = 'pg_rewrite'::regclass
            and pg_depend.refclassid = 'pg_class'::regclass
            and pg_depend.refobjid = to_regclass({{ named(relation) }})
            and pg_depend.refobjsubid in ({{ numbers | join(', ') }})
            and pg_rewrite.ev_class <> pg_depend.refobjid
        order by reader
    {%- endset -%}
    {%- set readers = run_query(asked).rows -%}
    {%- if readers -%}
        {%- do exceptions.raise_compiler_error(
            'Refused: ' ~ relation.schema ~ '.' ~ relation.identifier ~ ' ' ~ what ~ ', but '
            ~ readers | map('first') | join(', ') ~ ' needs it: drop that view, build the marts, and make it anew'
        ) -%}
    {%- endif -%}
{%- endmacro %}

{# Statements that give a view again what others may do with it. #}
{% macro grants_on(relation) -%}
    select
        'grant ' || acl.privilege_type || ' on ' || {{ dbt.string_literal(relation) }} || ' to '
        || coalesce(quote_ident(pg_roles.rolname::text), 'public')
        || case when acl.is_grantable then ' with grant option' else '' end
    from pg_class
    cross join lateral aclexplode(pg_class.relacl) as acl
    left join pg_roles on pg_roles.oid = acl.grantee
    where pg_class.oid = to_regclass({{ named(relation) }}) and acl.grantee <> pg_class.relowner
{%- endmacro %}

{# A relation's name as a text, as `to_regclass` takes it. #}
{% macro named(relation) -%}
    {{ dbt.string_literal(dbt.escape_single_quotes(relation | string)) }}
{%- endmacro %}
