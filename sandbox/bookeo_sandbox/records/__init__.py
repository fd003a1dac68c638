"""What an account holds: its records, found by id and by time, with the changes that they undergo."""
