"""Speed, measured side by side: ratios with their spread, never a test."""
