"""Singer target for Salesforce Sales Cloud, on crmlift."""
