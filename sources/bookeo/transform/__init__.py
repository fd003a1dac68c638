"""API responses to Arrow tables, by the declarations in `bookeo.schema`: pure, without I/O or a clock."""
