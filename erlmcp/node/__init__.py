"""The node: the arbiter, its workers, their sockets, the control socket and the tree.

The only package that knows everyone. This door imports nothing, so that the arbiter's process stays without an event
loop: take what you need from the module that has it (`node.arbiter`, `node.control`, `node.worker`).
"""
