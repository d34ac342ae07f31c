# Networks of exporters other than PyTorch's, as ONNX files with fresh weights, for
# scripts/onnx-others.mjs: python3 scripts/onnx-makers.py FOLDER
# (pip install tensorflow-cpu tf2onnx skl2onnx; run with 2.21, 1.17 and 1.20)
import pathlib
import sys

import keras
import numpy as np
import skl2onnx
import tensorflow as tf
import tf2onnx
from keras import layers as L
from sklearn.neural_network import MLPRegressor

folder = pathlib.Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
keras.utils.set_random_seed(7)


def conv_block(x, width):
    for _ in range(2):
        x = L.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = L.LeakyReLU(0.2)(L.BatchNormalization()(x))
    return x


def unet(up, size):
    """[N, H, W, 2], as brainchop's and most of Keras' tutorials."""
    x = image = keras.Input((*size, 2))
    kept = []
    for width in (4, 8):
        x = conv_block(x, width)
        kept.append(x)
        x = L.MaxPooling2D(2)(x)
    x = conv_block(x, 16)
    for width in (8, 4):
        x = up(width)(x)
        x = conv_block(L.Concatenate()([x, kept.pop()]), width)
    return keras.Model(image, L.Add()([image, L.Conv2D(2, 1)(x)]))


def resized(_width):
    return L.UpSampling2D(2, interpolation="bilinear")


def transposed(width):
    return L.Conv2DTranspose(width, 3, strides=2, padding="same")


def gelu(x):
    return keras.activations.gelu(x, approximate=True)


def mobile():
    """Depthwise and strided convolutions, squeeze and excitation, a classifier's end."""
    x = image = keras.Input((33, 31, 3))
    x = L.Conv2D(8, 3, strides=2, padding="same")(x)
    x = L.ReLU(6.0)(L.DepthwiseConv2D(5, padding="same", depth_multiplier=2)(x))
    x = L.Conv2D(16, 3, dilation_rate=2, padding="valid", activation=gelu)(x)
    squeezed = L.Dense(16, "hard_sigmoid")(L.Dense(4, "swish")(L.GlobalAveragePooling2D()(x)))
    x = L.Multiply()([x, L.Reshape((1, 1, 16))(squeezed)])
    x = L.Dense(12, "elu")(L.Flatten()(L.AveragePooling2D(3, strides=2, padding="same")(x)))
    return keras.Model(image, L.Softmax()(L.Dense(5)(L.LayerNormalization()(x))))


class Sharper(tf.Module):
    """Pixel shuffle, reflecting margins, a resize to computed sizes, a norm over the image."""

    def __init__(self):
        super().__init__()
        self.first = tf.Variable(tf.random.normal((3, 3, 1, 8)) / 3)
        self.second = tf.Variable(tf.random.normal((3, 3, 8, 4)) / 8)

    @tf.function
    def __call__(self, x):
        margins = [[0, 0], [1, 1], [1, 1], [0, 0]]
        mean, variance = tf.nn.moments(x, [1, 2], keepdims=True)
        y = tf.pad((x - mean) * tf.math.rsqrt(variance + 1e-5), margins, "REFLECT")
        y = tf.pad(tf.nn.relu(tf.nn.conv2d(y, self.first, 1, "VALID")), margins, "SYMMETRIC")
        y = tf.nn.depth_to_space(tf.nn.conv2d(y, self.second, 1, "VALID"), 2)
        size = 2 * tf.shape(x)[1:3]
        return tf.clip_by_value(y + tf.image.resize(x, size, "bicubic"), -3.0, 3.0)


class Table(tf.Module):
    """A curve by knots, as ADMM-CSNet's, and attention over rows."""

    def __init__(self):
        super().__init__()
        self.table = tf.Variable(tf.sort(tf.random.normal((33,))))

    @tf.function
    def __call__(self, x):
        place = tf.clip_by_value((x + 2.0) * 8.0, 0.0, 31.0)
        left = tf.cast(tf.floor(place), tf.int32)
        low, high = tf.gather(self.table, left), tf.gather(self.table, left + 1)
        y = low + (high - low) * (place - tf.floor(place))
        weights = tf.nn.softmax(tf.matmul(y, x, transpose_b=True) / 8.0)
        return tf.matmul(weights, y)


def of_keras(name, model, opset):
    for layer in model.layers:
        if isinstance(layer, L.BatchNormalization):
            layer.set_weights([w + 0.3 * np.random.rand(*w.shape) for w in layer.get_weights()])
    shape = [1 if i == 0 else d for i, d in enumerate(model.input.shape)]
    function = tf.function(lambda image: model(image, training=False))
    of_function(name, function, shape, opset)


def of_function(name, function, shape, opset):
    signature = [tf.TensorSpec(shape, tf.float32, name="image")]
    concrete = function.get_concrete_function(*signature)
    tf2onnx.convert.from_function(
        tf.function(concrete), signature, opset=opset, output_path=str(folder / f"{name}-{opset}.onnx")
    )


for opset in (9, 13, 18):
    of_keras("tf2onnx-unet-resized", unet(resized, (24, 32)), max(opset, 11))
    of_keras("tf2onnx-unet-transposed", unet(transposed, (24, 32) if opset == 9 else (None, None)), opset)
    of_keras("tf2onnx-mobile", mobile(), opset)
sharper, table = Sharper(), Table()
for opset in (11, 15, 18):
    of_function("tf2onnx-sharper", sharper.__call__, (1, 12, 10, 1), opset)
    of_function("tf2onnx-sharper-open", sharper.__call__, (None, None, None, 1), opset)
    of_function("tf2onnx-table", table.__call__, (1, 6, 8), opset)

rng = np.random.default_rng(1)
curve = MLPRegressor(hidden_layer_sizes=(8, 8), activation="tanh", max_iter=3).fit(rng.standard_normal((60, 5)), rng.standard_normal((60, 2)))
made = skl2onnx.to_onnx(curve, rng.standard_normal((1, 5)).astype(np.float32), target_opset=17)
(folder / "skl2onnx-mlp-17.onnx").write_bytes(made.SerializeToString())
print(f"{len(list(folder.glob('*.onnx')))} files in {folder}")
