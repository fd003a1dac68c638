"""Every setting: what it is, where it may stand, and what is refused; `privacy` among them."""
