"""The dbt project of the marts, shipped as package data; `bookeo marts build` runs it."""
