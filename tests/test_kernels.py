"""Kernels made for shapes that do not come again are not kept."""

import subprocess
import sys

SHAPES = """
import ctypes, random, torch
import seqgen
from seqgen.model.int8 import Int8Linear
from seqgen.model.rnn import RNNLayer

class Heap(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in "abcdefghij"]

mallinfo = ctypes.CDLL(None).mallinfo2
mallinfo.restype = Heap
torch.set_num_threads(1)
chance = random.Random(0)
layer, linear = RNNLayer(64, 64), torch.nn.Linear(64, 400)
rounded = Int8Linear(linear.weight, linear.bias)
for step in range(350):
    numbers = torch.randn(chance.randint(20, 300), chance.randint(4, 40), 64)
    with torch.autocast("cpu", torch.bfloat16):
        linear(layer(numbers)).float().sum().backward()
    rounded(numbers[:, 0])
    if step == 50:
        begun = mallinfo().h  # bytes in use
print((mallinfo().h - begun) >> 20)
"""


def test_memory_does_not_grow_with_the_shapes_seen():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", SHAPES], capture_output=True, text=True
    )
    if "mallinfo2" in done.stderr:  # another C library than glibc 2.33 or later
        return
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 60  # else several hundred
