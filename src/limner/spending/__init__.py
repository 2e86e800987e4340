"""What a turn costs: money is set aside before it is spent, and a receipt says where it went."""
