"""A model that is made and run in no time, for tests to which the values of the features do not matter."""

import hashlib
from pathlib import Path

import flatbuffers
from ai_edge_litert import schema_py_generated as schema

from .runs import ModelArtifact

INPUT_SIZE = 60
# Width and height in pixels of the parts of an image whose mean colours are its features.
PART = 5
PARTS = INPUT_SIZE // PART


def make_small_model(folder: Path) -> ModelArtifact:
    """Write a flat buffer of one average pooling into a folder."""
    content = pooling()
    path = folder / "small.tflite"
    path.write_bytes(content)
    info = {
        "sha256": hashlib.sha256(content).hexdigest(),
        "weights": "none",
        "inputSize": INPUT_SIZE,
        "dimensions": 3 * PARTS**2,
    }
    return ModelArtifact(path, info)


def pooling() -> bytes:
    """Return the flat buffer: tensorflow/compiler/mlir/lite/schema/schema.fbs."""
    options = schema.Pool2DOptionsT(filterWidth=PART, filterHeight=PART, strideW=PART, strideH=PART)
    options.padding = schema.Padding.VALID
    pool = schema.OperatorT(inputs=[0], outputs=[1], builtinOptions=options)
    pool.builtinOptionsType = schema.BuiltinOptions.Pool2DOptions
    image = schema.TensorT(name="image", shape=[1, INPUT_SIZE, INPUT_SIZE, 3])
    features = schema.TensorT(name="features", shape=[1, PARTS, PARTS, 3])
    average = schema.BuiltinOperator.AVERAGE_POOL_2D
    model = schema.ModelT(
        version=3,
        operatorCodes=[schema.OperatorCodeT(builtinCode=average, deprecatedBuiltinCode=average)],
        subgraphs=[schema.SubGraphT(tensors=[image, features], inputs=[0], outputs=[1], operators=[pool])],
        buffers=[schema.BufferT()],
    )
    builder = flatbuffers.Builder()
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
