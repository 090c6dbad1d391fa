"""Machinery, the Go task queue: its messages become durable tasks, ours feed its workers.

work = Machinery("redis://127.0.0.1:6379")
work.serve(add)                                   # messages named "add", by this App's task
reply = await work.send(call("multiply", 6, 7))   # to whoever has that task, in Go or Python
"""
