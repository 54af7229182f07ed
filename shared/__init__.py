"""What two or more domains need, and nothing else: no rule of any one domain lives here."""
