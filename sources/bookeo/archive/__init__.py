"""The API's responses as they came, in files of a folder or a bucket."""
