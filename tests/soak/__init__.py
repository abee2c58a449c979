"""The soak: a real server amid random faults and random readers, judged against what platformOS listed."""
