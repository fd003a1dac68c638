"""Building the tables of figures with dbt, and taking copies of them."""
