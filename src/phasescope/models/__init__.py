"""Networks that know no task; weights and activations named as papers name them."""
