"""One request to the API: from the keys in its headers to a whole response, or an error that says what to do."""
