"""What it costs, as ratios in one run against honest floors: `make bench`. What the figures mean: docs/scale.md."""
