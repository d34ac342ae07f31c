"""What PyTorch makes of random networks, for random-networks.mjs: reads their layers, weights and inputs, writes outputs and gradients, in float64 and in float32.

/usr/bin/python3 scripts/random-networks.py CASES.json ANSWERS.json
"""
import json
import os
import sys
import torch
import torch.nn.functional as F

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "test", "fixtures"))
from pytorch_layers import Run


class Given(Run):
    """A pass through layers as plain data, with the weights that are given."""

    def __init__(self, case, dtype):
        super().__init__(case["training"])
        self.given, self.dtype = case["parameters"], dtype

    def tensor(self, name, shape):
        return torch.tensor(self.given[name], dtype=self.dtype).reshape(shape)

    def layer(self, name, x, l):
        # the gradient of PyTorch's own has float32's 1/6 in it, in float64 too
        return F.relu6(x + 3) / 6 if l["kind"] == "hardSigmoid" else super().layer(name, x, l)

    def parameter(self, name, shape, kind):
        if name not in self.w:
            self.w[name] = self.tensor(name, shape).requires_grad_()
        return self.w[name]

    def buffer(self, name, shape, kind):
        if name not in self.buffers:
            self.buffers[name] = self.tensor(name, shape)
        return self.buffers[name]


def answer(case, dtype):
    run = Given(case, dtype)
    x = torch.tensor(case["x"], dtype=dtype).reshape(case["input"]).requires_grad_()
    y = run.stack("", case["layers"], x)
    weights = torch.tensor(case["weights"], dtype=dtype).reshape(y.shape)
    (y * weights).sum().backward()
    gradients = {name: value.grad.flatten().tolist() for name, value in [("x", x), *run.w.items()] if value.grad is not None}
    return {"shape": list(y.shape), "y": y.detach().flatten().tolist(), "gradients": gradients}


with open(sys.argv[1]) as file:
    cases = json.load(file)
with open(sys.argv[2], "w") as file:
    json.dump({"torch": torch.__version__, "answers": [answer(case, torch.float64) for case in cases], "singles": [answer(case, torch.float32) for case in cases]}, file)
