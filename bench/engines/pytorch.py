# The workloads on PyTorch: python3 bench/engines/pytorch.py --w W1 --threads 1
import sys, time, json, resource, os
T0 = time.time()
import numpy as np, torch, torch.nn.functional as F
A = dict(out='.', w='W1', threads=1, budget=8.0, least=3, most=15, sample=0.3); v = sys.argv[1:]
for i in range(0, len(v), 2):
    k = v[i].lstrip('-'); A[k] = type(A[k])(v[i+1]) if k in A else v[i+1]
torch.set_num_threads(A['threads'])
def start_ms():
    st = open('/proc/self/stat').read().rsplit(')', 1)[1].split(); up = float(open('/proc/uptime').read().split()[0]); return (up - int(st[19]) / os.sysconf('SC_CLK_TCK')) * 1e3
def fill(n, seed, scale):
    with np.errstate(over='ignore'):
        a = (np.uint32(seed) + (np.arange(1, n + 1, dtype=np.uint64) * 0x6D2B79F5).astype(np.uint32)).astype(np.uint32)
        t = (a ^ (a >> np.uint32(15))) * (a | np.uint32(1)); t = (t + (t ^ (t >> np.uint32(7))) * (t | np.uint32(61))) ^ t
    return (((t ^ (t >> np.uint32(14))).astype(np.float64) / 4294967296.0 * 2 - 1) * scale).astype(np.float32)
he = lambda f: (6.0 / f) ** 0.5
def T(n_shape, seed, scale): return torch.from_numpy(fill(int(np.prod(n_shape)), seed, scale).reshape(n_shape))
def unet_params(base=32, levels=4):
    P = {}; seed = [100]
    def conv(name, o, i, k): P[name] = T((o, i, k, k), seed[0], he(i * k * k)); seed[0] += 1
    c = 1
    for l in range(levels): o = base << l; conv(f'e{l}a', o, c, 3); conv(f'e{l}b', o, o, 3); c = o
    b = base << levels; conv('ba', b, c, 3); conv('bb', b, b, 3); c = b
    for l in reversed(range(levels)):
        o = base << l; P[f'u{l}'] = T((c, o, 2, 2), seed[0], he(c)); seed[0] += 1; conv(f'd{l}a', o, 2 * o, 3); conv(f'd{l}b', o, o, 3); c = o
    conv('out', 1, c, 1); P['outb'] = torch.zeros(1); return P
def blk(x, w): return F.relu(F.instance_norm(F.conv2d(x, w, padding=1), eps=1e-5))
def unet(x, m):
    sk = []
    for l in range(4): x = blk(blk(x, m[f'e{l}a']), m[f'e{l}b']); sk.append(x); x = F.max_pool2d(x, 2)
    x = blk(blk(x, m['ba']), m['bb'])
    for l in (3, 2, 1, 0): x = F.conv_transpose2d(x, m[f'u{l}'], stride=2); x = blk(blk(torch.cat([x, sk[l]], 1), m[f'd{l}a']), m[f'd{l}b'])
    return F.conv2d(x, m['out'], m['outb'])
def stat(): f = [int(x) for x in open('/proc/stat').readline().split()[1:]]; return (f[0]+f[1]+f[2]+f[5]+f[6]+f[7]) / 100
def cpu(): r = resource.getrusage(resource.RUSAGE_SELF); return r.ru_utime + r.ru_stime
med = lambda v: sorted(v)[len(v) // 2]
def bench(fn, check):
    out = dict(workload=A['w'], engine='PyTorch ' + torch.__version__.split('a')[0], threads=A['threads']); t = time.perf_counter(); r = fn(); out['firstMs'] = round((time.perf_counter()-t)*1e3, 1); out['startMs'] = round(start_ms())
    c = check(r); out['checksum'] = c if isinstance(c, list) else [c]
    t = time.perf_counter(); fn(); est = time.perf_counter() - t
    if est < 0.2:
        t = time.perf_counter(); k = 0
        while time.perf_counter() - t < 0.4: fn(); k += 1
        est = (time.perf_counter() - t) / k
    inner = max(1, int(-(-A['sample'] // est))); S = []; tb = time.perf_counter()
    while len(S) < A['most'] and (len(S) < A['least'] or time.perf_counter() - tb < A['budget']):
        s0 = stat(); c0 = cpu(); t0 = time.perf_counter()
        for _ in range(inner): fn()
        el = time.perf_counter() - t0; own = cpu() - c0; S.append((el*1e3/inner, own/el, max(0, (stat()-s0-own)/el)))
    ms = [s[0] for s in S]
    out.update(ms=round(med(ms), 3), min=round(min(ms), 3), max=round(max(ms), 3), samples=len(S), foreign=round(med([s[2] for s in S]), 2), peakMiB=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024)
    print(json.dumps(out))
asum = lambda t: float(t.detach().double().abs().sum())
def conv_fb(xs, ws, pad, gs):
    x = T(xs, 1, 1).requires_grad_(); w = T(ws, 2, he(ws[1]*ws[2]*ws[3])).requires_grad_(); g = T(gs, 3, 1)
    def f(): y = F.conv2d(x, w, padding=pad); return torch.autograd.grad(y, [x, w], g)
    bench(f, lambda r: [asum(t) for t in r])
w = A['w']
if w == 'W1':
    x = T((1,64,128,128), 1, 1); k = T((64,64,3,3), 2, he(576))
    with torch.no_grad(): bench(lambda: F.conv2d(x, k, padding=1), asum)
elif w == 'W2': conv_fb((1,64,128,128), (64,64,3,3), 1, (1,64,128,128))
elif w == 'W3': conv_fb((64,8,28,28), (16,8,5,5), 2, (64,16,28,28))
elif w == 'W4':
    x = T((16,32,128,128), 1, 1).requires_grad_(); g = T((16,32,64,64), 3, 1); bench(lambda: torch.autograd.grad(F.max_pool2d(x, 2), x, g)[0], asum)
elif w == 'W5':
    s = 200; m = {}
    for n, sh, fan in (('c1',(6,1,5,5),25),('b1',(6,),0),('c2',(16,6,5,5),150),('b2',(16,),0),('f1',(400,120),400),('fb1',(120,),0),('f2',(120,84),120),('fb2',(84,),0),('f3',(84,10),84),('fb3',(10,),0)):
        if fan: m[n] = T(sh, s, he(fan)); s += 1
        else: m[n] = torch.zeros(sh)
        m[n].requires_grad_()
    x = T((64,1,28,28), 7, 1); y = torch.tensor([(i*7+3) % 10 for i in range(64)]); opt = torch.optim.SGD(m.values(), lr=.01, momentum=.9); L = []
    def step():
        opt.zero_grad(set_to_none=True)
        h = F.max_pool2d(F.relu(F.conv2d(x, m['c1'], m['b1'], padding=2)), 2); h = F.max_pool2d(F.relu(F.conv2d(h, m['c2'], m['b2'])), 2).flatten(1)
        h = F.relu(h @ m['f1'] + m['fb1']); h = F.relu(h @ m['f2'] + m['fb2']); l = F.cross_entropy(h @ m['f3'] + m['fb3'], y); l.backward(); opt.step(); L.append(l.item()) if len(L) < 10 else None
    bench(step, lambda r: ([step() for _ in range(9)], [L[0], L[9]])[1])
elif w == 'W6':
    m = unet_params(); [t.requires_grad_() for t in m.values()]; x = T((4,1,128,128), 8, 1); y = T((4,1,128,128), 9, 1); opt = torch.optim.Adam(m.values(), lr=1e-3); L = []
    def step(): opt.zero_grad(set_to_none=True); l = F.mse_loss(unet(x, m), y); l.backward(); opt.step(); L.append(l.item()); return L[-1]
    bench(step, lambda r: r)
elif w == 'W7':
    m = unet_params(); x = T((1,1,256,256), 8, 1)
    with torch.no_grad(): bench(lambda: unet(x, m), asum)
elif w == 'W8':
    m = unet_params(); x = T((1,1,128,128), 8, 1).requires_grad_(); bench(lambda: torch.autograd.grad(0.5 * (unet(x, m) ** 2).sum(), x)[0], asum)
elif w in ('W9', 'W9b'):
    n = 256 if w == 'W9' else 320; z = torch.complex(T((n,n), 5, 1), T((n,n), 6, 1)); bench(lambda: torch.fft.fft2(z), lambda r: asum(torch.view_as_real(r)))
elif w == 'export':
    m = unet_params(); import inspect; old = {'dynamo': False} if 'dynamo' in inspect.signature(torch.onnx.export).parameters else {}  # the exporter that needs no packages
    class U(torch.nn.Module):
        def __init__(s): super().__init__(); s.p = torch.nn.ParameterDict({k: torch.nn.Parameter(v) for k, v in m.items()})
        def forward(s, x): return unet(x, s.p)
    torch.onnx.export(U().eval(), T((1,1,256,256), 8, 1), os.path.join(A['out'], 'W7.onnx'), opset_version=13, input_names=['x'], output_names=['y'], **old)
    class C(torch.nn.Module):
        def __init__(s): super().__init__(); s.w = torch.nn.Parameter(T((64,64,3,3), 2, he(576)))
        def forward(s, x): return F.conv2d(x, s.w, padding=1)
    torch.onnx.export(C(), T((1,64,128,128), 1, 1), os.path.join(A['out'], 'W1.onnx'), opset_version=13, input_names=['x'], output_names=['y'], **old)
