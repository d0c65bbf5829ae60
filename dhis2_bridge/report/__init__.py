"""What people read: findings in words, counts, pictures of a run."""
