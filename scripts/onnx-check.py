# Checks what scripts/onnx-files.mjs wrote with ONNX's own checker and shape inference, and runs it
# in ONNX Runtime: python3 scripts/onnx-check.py FOLDER   (pip install onnx onnxruntime)
import collections
import json
import pathlib
import sys

import numpy as np
import onnx
import onnxruntime

onnxruntime.set_default_logger_severity(3)
folder = pathlib.Path(sys.argv[1])


def group(name):
    return "ops" if name.startswith("op-") else name


worst = collections.defaultdict(float)
facts = {}
for case in json.loads((folder / "manifest.json").read_text()):
    name = case["name"]
    path = str(folder / f"{name}.onnx")
    model = onnx.load(path)
    onnx.checker.check_model(model, full_check=True)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True, data_prop=True)
    arrays = {
        a["key"]: np.fromfile(folder / a["path"], np.float32).reshape(a["shape"]) for a in case["arrays"]
    }
    wanted = arrays.pop("wanted")
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (found,) = session.run(None, arrays)
    assert found.shape == wanted.shape, (name, found.shape, wanted.shape)
    top = max(1e-30, np.abs(wanted).max(initial=0))
    error = float(np.abs(found - wanted).max(initial=0)) / top
    assert np.isfinite(found).all(), name
    worst[group(name)] = max(worst[group(name)], error)
    counted = facts.setdefault(group(name), dict(files=0, nodes=0, bytes=0))
    counted["files"] += 1
    counted["nodes"] = len(model.graph.node)
    counted["bytes"] = pathlib.Path(path).stat().st_size
    assert model.ir_version == 8 and model.opset_import[0].version == 17

print(f"onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
print("| files | nodes | kB | largest error |\n|---|---|---|---|")
for name, error in worst.items():
    f = facts[name]
    size = f"{f['files']} | | " if name == "ops" else f"{f['nodes']} | {f['bytes'] / 1000:.0f}"
    label = f"{name} ({f['files']} files)" if name == "ops" else name
    size = " | " if name == "ops" else size
    print(f"| {label} | {size} | {error:.1e} |")
