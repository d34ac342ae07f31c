# The time of our export of a U-Net beside PyTorch's own export of the same one, in ONNX Runtime on
# one thread, in turns: python3 scripts/onnx-speed.py OURS.onnx   (pip install onnxruntime torch)
import sys
import tempfile
import time

import numpy as np
import onnxruntime
import torch
from torch import nn

onnxruntime.set_default_logger_severity(3)


def block(inputs, outputs):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, 3, padding=1), nn.ReLU(), nn.Conv2d(outputs, outputs, 3, padding=1), nn.ReLU()
    )


class UNet(nn.Module):
    """nn.unet with norm "none": 12 channels, depth 3, the input added."""

    def __init__(self, channels=12, depth=3):
        super().__init__()
        widths = [channels * 2**k for k in range(depth + 1)]
        self.down = nn.ModuleList(block(i, o) for i, o in zip([2, *widths[:-2]], widths[:-1]))
        self.bottom = block(widths[-2], widths[-1])
        self.up = nn.ModuleList(nn.ConvTranspose2d(2 * w, w, 2, 2, bias=False) for w in reversed(widths[:-1]))
        self.join = nn.ModuleList(block(2 * w, w) for w in reversed(widths[:-1]))
        self.out = nn.Conv2d(channels, 2, 1)

    def forward(self, x):
        skips, y = [], x
        for down in self.down:
            y = down(y)
            skips.append(y)
            y = nn.functional.max_pool2d(y, 2)
        y = self.bottom(y)
        for up, join in zip(self.up, self.join):
            y = join(torch.cat([skips.pop(), up(y)], 1))
        return x + self.out(y)


def opened(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


x = np.random.default_rng(0).standard_normal((1, 2, 128, 128), np.float32)
theirs = tempfile.mktemp(suffix=".onnx")
torch.onnx.export(UNet().eval(), (torch.from_numpy(x),), theirs, opset_version=17, dynamo=False)
sessions = {"ours": opened(sys.argv[1]), "PyTorch's": opened(theirs)}
times = {name: [] for name in sessions}
for turn in range(60):
    for name, session in sessions.items():
        feed = {session.get_inputs()[0].name: x}
        begun = time.perf_counter()
        session.run(None, feed)
        if turn >= 10:
            times[name].append(1e3 * (time.perf_counter() - begun))
for name, all_times in times.items():
    print(f"{name}: median {np.median(all_times):.2f} ms, least {min(all_times):.2f} ms")
ratios = np.array(times["ours"]) / np.array(times["PyTorch's"])
print(f"ours over PyTorch's, turn by turn: median {np.median(ratios):.3f}")
