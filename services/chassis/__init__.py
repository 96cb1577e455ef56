"""The chassis: what every service has in common, so that a service holds its own business and nothing else."""
