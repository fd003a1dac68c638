"""The subcommands of `bookeo`, one function each; what they need is imported when they run."""
