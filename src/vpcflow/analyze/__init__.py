"""What does it mean? Questions as plans in Athena's dialect: top talkers, repeated denial, records."""
