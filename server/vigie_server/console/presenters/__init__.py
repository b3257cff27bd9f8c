"""From records to what pages show: pure functions, without a store, a request or a clock."""
