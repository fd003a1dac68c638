"""What the warehouse lacks: children that do not add up, and payments whose booking is not known."""
