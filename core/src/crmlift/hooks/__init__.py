"""The built-in transforms: plugins like any other, and the worked examples of the contract."""
