"""What one would pick instead, written as somebody who knows the tool and the API's documents would write it."""
