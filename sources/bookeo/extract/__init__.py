"""Reading the API in the order of a load: windows and pages that are proven complete, in batches of tables."""
