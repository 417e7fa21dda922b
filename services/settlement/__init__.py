"""Settlement: what is owed, as a function of terms and facts."""
