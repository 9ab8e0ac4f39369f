"""crmlift lifts a whole Customer.io workspace into a CRM, and proves that it arrived."""
