"""Kernels forked from a process that has the imports done: an ordinary Jupyter kernel provisioner."""

KERNEL = "costeff"  # name of the kernel specification that uses it
