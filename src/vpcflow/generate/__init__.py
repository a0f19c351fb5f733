"""What would traffic look like? A seed in, realistic flow logs in AWS's layout out."""
