"""Jobs: what is done at intervals beside applying executions, and the queue it waits in.

`table` says what there is; `schedule` puts one run of each into the queue at every interval;
`serving` takes runs out of it; `running` does one, alone; `listing` shows them.
"""
