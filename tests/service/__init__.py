"""Tests of the room `service`, and the fake engine behind them."""
