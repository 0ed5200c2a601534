"""Many runs from one study: which ones, in which processes, and what came of them."""
