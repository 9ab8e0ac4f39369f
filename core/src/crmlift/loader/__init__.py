"""The loader: order of entities, batches, adoption, comparison, bisection, journal."""
