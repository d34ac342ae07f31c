"""The workloads on PyTorch: python3 bench/engines/pytorch.py --w W1 --threads 1 [--form compiled]

Forms: eager, channels-last (images and kernels laid out so), compiled (torch.compile). Prints one
line of JSON; what the fields mean is in bench/measure.mjs. `--w export --out FOLDER` writes the
models that ONNX Runtime runs.
"""

import argparse
import json
import os
import resource
import time

import numpy as np
import torch
import torch.nn.functional as F

parser = argparse.ArgumentParser()
parser.add_argument("--w", default="W1")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--form", default="eager", choices=["eager", "channels-last", "compiled"])
parser.add_argument("--device", default="cpu", help="cpu or cuda")
parser.add_argument("--budget", type=float, default=8.0, help="seconds of samples")
parser.add_argument("--least", type=int, default=3, help="samples at least")
parser.add_argument("--most", type=int, default=15, help="samples at most")
parser.add_argument("--sample", type=float, default=0.3, help="seconds of a sample at least")
parser.add_argument("--out", default=".")
options = parser.parse_args()
torch.set_num_threads(options.threads)
# float32 as it is said
torch.backends.cuda.matmul.allow_tf32 = False
torch.backends.cudnn.allow_tf32 = False


# Inputs and parameters: bench/workloads.mjs makes the same ones.
def fill(count, seed, scale):
    """Uniform numbers in [-scale, scale) by mulberry32."""
    with np.errstate(over="ignore"):
        steps = np.arange(1, count + 1, dtype=np.uint64) * 0x6D2B79F5
        a = np.uint32(seed) + steps.astype(np.uint32)
        t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1))
        t = (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))) ^ t
        unit = (t ^ (t >> np.uint32(14))).astype(np.float64) / 4294967296.0
    return ((unit * 2 - 1) * scale).astype(np.float32)


def drawn(shape, seed, scale):
    return torch.from_numpy(fill(int(np.prod(shape)), seed, scale).reshape(shape)).to(options.device)


def zeros(*shape):
    return torch.zeros(shape, device=options.device)


def he(fan_in):
    return (6.0 / fan_in) ** 0.5


def laid_out(tensor):
    """In the form's layout."""
    if options.form == "channels-last" and tensor.dim() == 4:
        return tensor.contiguous(memory_format=torch.channels_last)
    return tensor


def formed(function):
    """In the form's way to run it."""
    return torch.compile(function) if options.form == "compiled" else function


LEVELS = 4


def unet_parameters(base=32):
    parameters = {}
    seed = 100

    def convolution(name, out, inputs, size):
        nonlocal seed
        parameters[name] = drawn((out, inputs, size, size), seed, he(inputs * size * size))
        seed += 1

    channels = 1
    for level in range(LEVELS):
        out = base << level
        convolution(f"e{level}a", out, channels, 3)
        convolution(f"e{level}b", out, out, 3)
        channels = out
    bottleneck = base << LEVELS
    convolution("ba", bottleneck, channels, 3)
    convolution("bb", bottleneck, bottleneck, 3)
    channels = bottleneck
    for level in reversed(range(LEVELS)):
        out = base << level
        parameters[f"u{level}"] = drawn((channels, out, 2, 2), seed, he(channels))
        seed += 1
        convolution(f"d{level}a", out, 2 * out, 3)
        convolution(f"d{level}b", out, out, 3)
        channels = out
    convolution("out", 1, channels, 1)
    parameters["outb"] = zeros(1)
    return {name: laid_out(value) for name, value in parameters.items()}


def block(x, kernel):
    return F.relu(F.instance_norm(F.conv2d(x, kernel, padding=1), eps=1e-5))


def unet(x, p):
    skips = []
    for level in range(LEVELS):
        x = block(block(x, p[f"e{level}a"]), p[f"e{level}b"])
        skips.append(x)
        x = F.max_pool2d(x, 2)
    x = block(block(x, p["ba"]), p["bb"])
    for level in reversed(range(LEVELS)):
        x = F.conv_transpose2d(x, p[f"u{level}"], stride=2)
        x = torch.cat([x, skips[level]], 1)
        x = block(block(x, p[f"d{level}a"]), p[f"d{level}b"])
    return F.conv2d(x, p["out"], p["outb"])


def lenet_parameters():
    shapes = [
        ("c1", (6, 1, 5, 5), 25),
        ("b1", (6,), None),
        ("c2", (16, 6, 5, 5), 150),
        ("b2", (16,), None),
        ("f1", (400, 120), 400),
        ("fb1", (120,), None),
        ("f2", (120, 84), 120),
        ("fb2", (84,), None),
        ("f3", (84, 10), 84),
        ("fb3", (10,), None),
    ]
    parameters = {}
    seed = 200
    for name, shape, fan_in in shapes:
        if fan_in is None:
            parameters[name] = zeros(*shape)
        else:
            parameters[name] = drawn(shape, seed, he(fan_in))
            seed += 1
    return {name: laid_out(value) for name, value in parameters.items()}


def lenet(x, p):
    x = F.max_pool2d(F.relu(F.conv2d(x, p["c1"], p["b1"], padding=2)), 2)
    x = F.max_pool2d(F.relu(F.conv2d(x, p["c2"], p["b2"])), 2).flatten(1)
    x = F.relu(x @ p["f1"] + p["fb1"])
    x = F.relu(x @ p["f2"] + p["fb2"])
    return x @ p["f3"] + p["fb3"]


CASCADES, CASCADE_WIDTHS = 5, (2, 32, 32, 32, 32, 2)


def cascade_parameters():
    parameters = {}
    seed = 300
    for k in range(CASCADES):
        for i, (inputs, out) in enumerate(zip(CASCADE_WIDTHS, CASCADE_WIDTHS[1:])):
            scale = he(9 * inputs) * (0.1 if out == 2 else 1)
            parameters[f"c{k}.{i}"] = drawn((out, inputs, 3, 3), seed, scale)
            seed += 1
    return {name: laid_out(value) for name, value in parameters.items()}


GENERATOR_DOWN = [32, 64, 128, 256, 256, 256, 256, 256]
GENERATOR_UP = [(256, 256), (512, 512), (768, 512), (768, 512), (768, 128), (256, 64), (128, 32), (64, 32)]


def generator_parameters():
    """DAGAN's generator, half as wide."""
    parameters = {}
    seed = 500
    for i, (inputs, out) in enumerate(zip([1] + GENERATOR_DOWN, GENERATOR_DOWN)):
        parameters[f"d{i}"] = drawn((out, inputs, 4, 4), seed, he(inputs * 16))
        seed += 1
    for i, (inputs, out) in enumerate(GENERATOR_UP):
        parameters[f"u{i}"] = drawn((inputs, out, 4, 4), seed, he(inputs * 4))
        seed += 1
    parameters["out"] = drawn((1, 32, 1, 1), seed, he(32))
    return {name: laid_out(value) for name, value in parameters.items()}


def generator(image, p):
    x, skips = image, []
    for i in range(8):
        x = F.leaky_relu(F.conv2d(x, p[f"d{i}"], stride=2, padding=1), 0.2)
        skips.append(x)
    for i in range(8):
        x = F.relu(F.conv_transpose2d(x, p[f"u{i}"], stride=2, padding=1))
        if i < 7:
            x = torch.cat([x, skips[6 - i]], 1)
    return F.conv2d(x, p["out"]) + image


def fourier(x, inverse=False):
    z = torch.complex(x[:, 0], x[:, 1])
    z = (torch.fft.ifft2 if inverse else torch.fft.fft2)(z, norm="ortho")
    return torch.stack([z.real, z.imag], 1)


def cascade(image, p, rows):
    """Of what is measured of an image: zero-filling, then residual blocks, each with the measured
    rows put back."""
    y = rows * fourier(image)
    x = fourier(y, inverse=True)
    for k in range(CASCADES):
        h = x
        for i in range(5):
            h = F.conv2d(h, p[f"c{k}.{i}"], padding=1)
            h = F.relu(h) if i < 4 else h
        spectrum = fourier(x + h)
        x = fourier(spectrum + rows * (y - spectrum), inverse=True)
    return x


def measured_rows(size):
    """Every fourth row and the middle eighth, 1 where measured: [size, 1]."""
    centre = abs(np.arange(size) - size // 2) < size // 16
    rows = (np.arange(size) % 4 == 0) | centre
    return torch.from_numpy(np.fft.ifftshift(rows).astype(np.float32)).reshape(size, 1).to(options.device)


RESNET_STAGES = [(16, 1), (32, 2), (64, 2)]


def resnet_parameters():
    """ResNet-20 for 32x32 pictures: projection shortcuts, a norm behind every convolution."""
    parameters = {}
    seed = 400

    def convolution(name, out, inputs, size):
        nonlocal seed
        parameters[name] = drawn((out, inputs, size, size), seed, he(inputs * size * size))
        parameters[f"{name}.scale"] = zeros(out) + 1
        parameters[f"{name}.shift"] = zeros(out)
        seed += 1

    convolution("stem", 16, 3, 3)
    channels = 16
    for stage, (out, _) in enumerate(RESNET_STAGES):
        for unit in range(3):
            convolution(f"s{stage}u{unit}a", out, channels, 3)
            convolution(f"s{stage}u{unit}b", out, out, 3)
            if channels != out:
                convolution(f"s{stage}u{unit}p", out, channels, 1)
            channels = out
    parameters["full"] = drawn((64, 10), seed, he(64))
    parameters["fullb"] = zeros(10)
    return {name: laid_out(value) for name, value in parameters.items()}


def resnet(x, p):
    def normed(x, name, stride, padding):
        y = F.conv2d(x, p[name], stride=stride, padding=padding)
        return F.batch_norm(y, None, None, p[f"{name}.scale"], p[f"{name}.shift"], training=True, eps=1e-5)

    x = F.relu(normed(x, "stem", 1, 1))
    for stage, (_, first) in enumerate(RESNET_STAGES):
        for unit in range(3):
            name = f"s{stage}u{unit}"
            stride = first if unit == 0 else 1
            y = F.relu(normed(x, f"{name}a", stride, 1))
            y = normed(y, f"{name}b", 1, 1)
            short = normed(x, f"{name}p", stride, 0) if f"{name}p" in p else x
            x = F.relu(y + short)
    return x.mean((2, 3)) @ p["full"] + p["fullb"]


# Measurement, as bench/measure.mjs does it.
def milliseconds_since_start():
    fields = open("/proc/self/stat").read().rsplit(")", 1)[1].split()
    uptime = float(open("/proc/uptime").read().split()[0])
    return (uptime - int(fields[19]) / os.sysconf("SC_CLK_TCK")) * 1e3


def machine_seconds():
    fields = [int(x) for x in open("/proc/stat").readline().split()[1:]]
    user, nice, system, _, _, irq, softirq, steal = fields[:8]
    return (user + nice + system + irq + softirq + steal) / 100


def own_seconds():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def median(values):
    return sorted(values)[len(values) // 2]


def once(function):
    begun = time.perf_counter()
    function()
    seconds = time.perf_counter() - begun
    if seconds >= 0.2:
        return seconds
    begun, rounds = time.perf_counter(), 0
    while time.perf_counter() - begun < 0.4:
        function()
        rounds += 1
    return (time.perf_counter() - begun) / rounds


def measure(work, check):
    def function():
        result = work()
        if options.device != "cpu":
            torch.cuda.synchronize()
        return result

    begun = time.perf_counter()
    first = function()
    first_ms = (time.perf_counter() - begun) * 1e3
    start_ms = milliseconds_since_start()
    checksum = check(first)
    # what is compiled or planned at a second call is not a sample
    function()
    inner = max(1, int(-(-options.sample // once(function))))
    times, foreign = [], []
    begun = time.perf_counter()
    while len(times) < options.most and (
        len(times) < options.least or time.perf_counter() - begun < options.budget
    ):
        machine, own, t = machine_seconds(), own_seconds(), time.perf_counter()
        for _ in range(inner):
            function()
        seconds = time.perf_counter() - t
        times.append(seconds * 1e3 / inner)
        busy = machine_seconds() - machine - (own_seconds() - own)
        foreign.append(max(0, busy / seconds))
    row = {
        "workload": options.w,
        "engine": f"PyTorch {torch.__version__.split('a')[0].split('+')[0]}",
        "threads": options.threads,
        "ms": round(median(times), 3),
        "min": round(min(times), 3),
        "max": round(max(times), 3),
        "samples": len(times),
        "foreign": round(median(foreign), 2),
        "firstMs": round(first_ms, 1),
        "startMs": round(start_ms),
        "peakMiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "checksum": checksum if isinstance(checksum, list) else [checksum],
    }
    print(json.dumps(row))


def absolute_sum(tensor):
    return float(tensor.detach().double().abs().sum())


# The workloads.
def convolution(x_shape, w_shape, dy_shape=None, padding=1):
    x = laid_out(drawn(x_shape, 1, 1))
    w = laid_out(drawn(w_shape, 2, he(w_shape[1] * w_shape[2] * w_shape[3])))
    run = formed(lambda x, w: F.conv2d(x, w, padding=padding))
    if dy_shape is None:
        with torch.no_grad():
            return measure(lambda: run(x, w), absolute_sum)
    dy = laid_out(drawn(dy_shape, 3, 1))
    x.requires_grad_()
    w.requires_grad_()
    return measure(
        lambda: torch.autograd.grad(run(x, w), [x, w], dy), lambda grads: [absolute_sum(g) for g in grads]
    )


def pooling():
    x = laid_out(drawn((16, 32, 128, 128), 1, 1)).requires_grad_()
    dy = laid_out(drawn((16, 32, 64, 64), 3, 1))
    run = formed(lambda x: F.max_pool2d(x, 2))
    measure(lambda: torch.autograd.grad(run(x), x, dy)[0], absolute_sum)


def training(parameters, loss_of, optimiser, losses_of=None):
    """Steps of an optimiser; `losses_of` makes the checksum of the losses so far and a step."""
    for value in parameters.values():
        value.requires_grad_()
    optimiser = optimiser(parameters.values())
    run = formed(loss_of)
    losses = []

    def step():
        optimiser.zero_grad(set_to_none=True)
        loss = run()
        loss.backward()
        optimiser.step()
        losses.append(loss.item())
        return losses[-1]

    measure(step, (lambda first: losses_of(losses, step)) if losses_of else (lambda first: first))


def first_and_tenth(losses, step):
    for _ in range(9):
        step()
    return [losses[0], losses[9]]


def lenet_training():
    p = lenet_parameters()
    x = laid_out(drawn((64, 1, 28, 28), 7, 1))
    labels = torch.tensor([(i * 7 + 3) % 10 for i in range(64)], device=options.device)
    sgd = lambda values: torch.optim.SGD(values, lr=0.01, momentum=0.9)
    training(p, lambda: F.cross_entropy(lenet(x, p), labels), sgd, first_and_tenth)


def resnet_training():
    p = resnet_parameters()
    x = laid_out(drawn((64, 3, 32, 32), 7, 1))
    labels = torch.tensor([(i * 7 + 3) % 10 for i in range(64)], device=options.device)
    sgd = lambda values: torch.optim.SGD(values, lr=0.01, momentum=0.9)
    training(p, lambda: F.cross_entropy(resnet(x, p), labels), sgd)


def adam(values):
    return torch.optim.Adam(values, lr=1e-3)


def unet_training():
    p = unet_parameters()
    x, target = [laid_out(drawn((4, 1, 128, 128), seed, 1)) for seed in (8, 9)]
    training(p, lambda: F.mse_loss(unet(x, p), target), adam)


def cascade_training(size):
    p = cascade_parameters()
    rows = measured_rows(size)
    x, target = [laid_out(drawn((1, 2, size, size), seed, 1)) for seed in (8, 9)]
    training(p, lambda: F.mse_loss(cascade(x, p, rows), target), adam)


def inference(size):
    p = unet_parameters()
    x = laid_out(drawn((1, 1, size, size), 8, 1))
    run = formed(unet)
    with torch.no_grad():
        measure(lambda: run(x, p), absolute_sum)


def lenet_prediction():
    p = lenet_parameters()
    x = laid_out(drawn((1, 1, 28, 28), 7, 1))
    run = formed(lenet)
    with torch.no_grad():
        measure(lambda: run(x, p), absolute_sum)


def attack(network, shape):
    x = laid_out(drawn(shape, 8, 1)).requires_grad_()
    run = formed(lambda x: 0.5 * (network(x) ** 2).sum())
    measure(lambda: torch.autograd.grad(run(x), x)[0], absolute_sum)


def unet_attack():
    p = unet_parameters()
    attack(lambda x: unet(x, p), (1, 1, 128, 128))


def generator_attack():
    p = generator_parameters()
    attack(lambda x: generator(x, p), (1, 1, 256, 256))


def cascade_attack(size):
    p = cascade_parameters()
    rows = measured_rows(size)
    attack(lambda x: cascade(x, p, rows), (1, 2, size, size))


def transform(size):
    z = torch.complex(drawn((size, size), 5, 1), drawn((size, size), 6, 1))
    run = formed(torch.fft.fft2) if options.form != "compiled" else torch.fft.fft2
    measure(lambda: run(z), lambda result: absolute_sum(torch.view_as_real(result)))


def many_coils(size=256, coils=8):
    """A*(Ax) of complex images seen by many coils."""
    maps = torch.complex(drawn((coils, size, size), 5, 1), drawn((coils, size, size), 6, 1))
    x = torch.complex(drawn((size, size), 7, 1), drawn((size, size), 8, 1))
    rows = measured_rows(size)

    def normal(x):
        y = rows * torch.fft.fft2(maps * x, norm="ortho")
        return (maps.conj() * torch.fft.ifft2(y, norm="ortho")).sum(0)

    run = formed(normal)
    measure(lambda: run(x), lambda result: absolute_sum(torch.view_as_real(result)))


def joseph(size, views, detectors):
    """Line integrals by Joseph's method: a sparse matrix, [views·detectors, size²], both ways."""
    middle, half = (detectors - 1) / 2, (size - 1) / 2
    rows, columns, values = [], [], []
    steps = np.arange(size)[None, :]
    for view in range(views):
        angle = np.pi * view / views
        cos, sin = np.cos(angle), np.sin(angle)
        t = (np.arange(detectors) - middle)[:, None]
        steep = abs(cos) >= abs(sin) * (1 - 1e-12)
        if steep:
            at = (t - (half - steps) * sin) / cos + half
        else:
            at = half - (t - (steps - half) * cos) / sin
        low = np.floor(at).astype(int)
        for place, share in [(low, 1 - (at - low)), (low + 1, at - low)]:
            inside = (place >= 0) & (place < size) & (share > 0)
            pixel = steps * size + place if steep else place * size + steps
            line = view * detectors + np.broadcast_to(np.arange(detectors)[:, None], place.shape)
            rows.append(line[inside])
            columns.append(np.broadcast_to(pixel, place.shape)[inside])
            values.append(share[inside] / abs(cos if steep else sin))
    at = np.stack([np.concatenate(rows), np.concatenate(columns)])
    numbers = torch.from_numpy(np.concatenate(values).astype(np.float32))
    shape = (views * detectors, size * size)
    forward = torch.sparse_coo_tensor(torch.from_numpy(at), numbers, shape).coalesce()
    return [m.to_sparse_csr().to(options.device) for m in (forward, forward.t().coalesce())]


def line_integrals(size=128, views=50, detectors=185):
    forward, adjoint = joseph(size, views, detectors)
    x = drawn((2, size * size), 5, 1).T.contiguous()
    measure(lambda: adjoint @ (forward @ x), absolute_sum)


def export():
    unet_values = unet_parameters()

    class UNet(torch.nn.Module):
        def __init__(self):
            super().__init__()
            parameters = {name: torch.nn.Parameter(value) for name, value in unet_values.items()}
            self.p = torch.nn.ParameterDict(parameters)

        def forward(self, x):
            return unet(x, self.p)

    class Convolution(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.w = torch.nn.Parameter(drawn((64, 64, 3, 3), 2, he(576)))

        def forward(self, x):
            return F.conv2d(x, self.w, padding=1)

    older = {"dynamo": False} if int(torch.__version__.split(".")[0]) >= 2 else {}
    for name, module, shape, seed in [
        ("W7", UNet().eval(), (1, 1, 256, 256), 8),
        ("W1", Convolution(), (1, 64, 128, 128), 1),
    ]:
        torch.onnx.export(
            module,
            drawn(shape, seed, 1),
            os.path.join(options.out, f"{name}.onnx"),
            opset_version=13,
            input_names=["x"],
            output_names=["y"],
            **older,
        )


wide, small = (1, 64, 128, 128), (64, 8, 28, 28)
workloads = {
    "W1": lambda: convolution(wide, (64, 64, 3, 3)),
    "W2": lambda: convolution(wide, (64, 64, 3, 3), wide),
    "W3": lambda: convolution(small, (16, 8, 5, 5), (64, 16, 28, 28), padding=2),
    "W4": pooling,
    "W5": lenet_training,
    "W6": unet_training,
    "W7": lambda: inference(256),
    "W7b": lambda: inference(128),
    "W8": unet_attack,
    "W9": lambda: transform(256),
    "W9b": lambda: transform(320),
    "W10": lambda: cascade_training(128),
    "W10b": lambda: cascade_training(256),
    "W11": lambda: cascade_attack(128),
    "W12": lambda: cascade_attack(256),
    "W13": resnet_training,
    "W14": many_coils,
    "W15": lenet_prediction,
    "W16": line_integrals,
    "W17": generator_attack,
    "export": export,
}
workloads[options.w]()
