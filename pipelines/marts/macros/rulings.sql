{#
  What a payment method is: money that came in, stored value that was sold before and is redeemed, or an entry on the
  customer's account. A method that Bookeo adds is unknown until somebody rules on it: it is shown apart, never added up.
#}
{% macro payment_natures() -%}
    {{ return({
        'money': ['creditCard', 'paypal', 'bankTransfer', 'cash', 'checque', 'debitCard', 'other'],
        'stored_value': ['existingCredit', 'moneyVoucher'],
        'on_account': ['accountCredit']
    }) }}
{%- endmacro %}

{% macro nature_of(payment_method) -%}
    case
        {%- for nature, methods in payment_natures().items() %}
        when {{ payment_method }} in ('{{ methods | join("', '") }}') then '{{ nature }}'
        {%- endfor %}
        else 'unknown'
    end
{%- endmacro %}

{# When a booking was made: without a time of creation, no later than its last change. #}
{% macro made_at() -%}
    coalesce(creation_time, updated_at)
{%- endmacro %}

{# When a booking takes place: without a start, when it was made. #}
{% macro starts_at() -%}
    coalesce(start_time, {{ made_at() }})
{%- endmacro %}
