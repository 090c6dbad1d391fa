"""Executors: run one step of somebody's command; `port.py` is the contract, a folder is one way."""
