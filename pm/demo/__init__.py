"""`pm demo`: the whole system on a made-up market, and the proof that its books are right.

`scenario` makes a trading day from a seed: what a relay would send, and, in plain arithmetic of its
own (`ledger`, `worth`), what the books must hold and be worth at the end. `relay` says it on a
socket, torn, repeated and damaged as real streams are. `run` starts everything, kills some of it,
and compares; at the end the books are made once more from their archive (`elsewhere`) and held
against what a venue says (`statement`).
"""

from pm.demo.run import run_demo

__all__ = ["run_demo"]
