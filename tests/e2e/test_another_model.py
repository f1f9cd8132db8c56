"""A run with another model than MobileNetV2, from the command that makes it to the validated results."""

import json
import os
import subprocess
from pathlib import Path

import keras_models
import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from .account import NODE, ROOT, started_account


@pytest.mark.deep
def test_a_run_with_efficient_net_has_its_features(tmp_path: Path) -> None:
    command = [str(NODE), "cli/main.ts", "model", "--name", "EfficientNetB0", "--output", str(tmp_path / "model")]
    # With an empty cache of Keras and no network, the weights are random.
    environment = os.environ | {"KERAS_HOME": str(tmp_path / "keras"), "https_proxy": "http://127.0.0.1:9"}
    made = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    description = json.loads(made.stdout)
    assert (description["weights"], description["preprocessing"]) == ("seeded", "none")
    with started_account(tmp_path / "home") as account:
        account.deploy(tmp_path, modelFile=str(tmp_path / "model" / "model.tflite"))

        execution = account.run({"mode": "mini", "limit": 60, "pca": {"components": 10}})

        assert execution.status == "SUCCEEDED", execution.cause
        run = account.download(execution.run_id, tmp_path / "run")
        sample = account.sample
        prefix = f"s3://{account.bucket}/data/raw/"
    plan = json.loads((run / "plan.json").read_text())
    assert plan["store"].endswith(f"model={description['sha256']}/decoder=2-224-none/")
    assert plan["model"]["name"] == "EfficientNetB0"
    info = json.loads((run / "model_info" / "model_info.json").read_text())
    assert info["model"] == {"name": "EfficientNetB0", "weights": "seeded", "sha256": description["sha256"]}
    table = pq.read_table(run / "features" / "parquet")
    found = np.array(table["features"].to_pylist(), np.float32)
    assert found.shape == (60, description["dimensions"])
    keras = keras_models.build("EfficientNetB0")
    for path, features in list(zip(table["path"].to_pylist(), found, strict=True))[:4]:
        image = Image.open(sample / str(path).removeprefix(prefix)).convert("RGB").resize((224, 224))
        expected = keras.predict(np.asarray(image, np.float32)[np.newaxis], verbose=0)[0]
        # Rounding errors grow with the features, and random weights make some features large.
        np.testing.assert_allclose(features, expected, atol=1e-4 * max(1.0, expected.max()))
