"""The data dictionary and the diagram of the tables, made from the declarations."""
