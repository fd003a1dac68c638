"""What all operations share: a request and its parameters, pages, refusals, the spelling of JSON."""
