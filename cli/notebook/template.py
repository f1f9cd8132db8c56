# %% [markdown]
# # Results of the run __RUN_ID__
#
# Orchard has computed features of each image: the numbers that a neural network gives which was trained to tell objects
# apart. A principal component analysis (PCA) has reduced them to a few components, which keep most of the differences
# between the images.
#
# The next cell reads these components from the copy of the results on this machine. If the copy is gone,
# `orchard results __RUN_ID__` makes it again. The notebook is yours: `orchard notebook` does not change it any more.

# %%
import json
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

results = Path("__RESULTS__")
plan = json.loads((results / "manifest.json").read_text())["plan"]

if (results / "pca" / "parquet").exists():
    images = pd.read_parquet(results / "pca" / "parquet", columns=["path", "label", "pca_features"])
    components = np.stack(images.pop("pca_features").tolist())
else:
    # Without keep_default_na, a label named NA would be read as missing.
    files = sorted((results / "pca" / "csv").glob("*.csv"))
    images = pd.concat([pd.read_csv(file, keep_default_na=False) for file in files], ignore_index=True)
    components = np.array([text.split(",") for text in images.pop("pca_features_string")], dtype=float)

images["image"] = images.pop("path").str.removeprefix(plan["input"])
images["PC1"] = components[:, 0]
# A run may keep one component only.
images["PC2"] = components[:, 1] if components.shape[1] > 1 else 0.0

print(f"Images: {len(images):,}, labels: {images['label'].nunique()}, components: {components.shape[1]}")
images.head()

# %% [markdown]
# ## How much do the components keep?
#
# The bars show which share of the features' variance each component explains, and the line shows what the components
# explain together. Where the line has become flat, more components add little; where it still rises, a run with more of
# them (`--components`, or `--variance`) would keep more.

# %%
variance = pd.read_csv(results / "model_info" / "variance.csv", index_col="component")

figure, axes = plt.subplots(figsize=(9, 4))
axes.bar(variance.index, variance["variance_explained"], label="each component")
axes.plot(variance.index, variance["cumulative_variance"], color="tab:orange", marker=".", label="together")
axes.set(xlabel="component", ylabel="share of the variance", ylim=(0, 1.02), title="Explained variance")
axes.legend()
plt.show()

# %% [markdown]
# ## Which labels lie apart?
#
# Each point is an image at its first two components (PC1 and PC2), in the color of its label. Labels whose images look
# different form groups of their own. Groups that overlap here may still be apart in the other components.

# %%
names_in_legend = 20
labels = images["label"].value_counts().index
colors = dict(zip(labels, plt.get_cmap("nipy_spectral")(np.linspace(0.05, 0.95, len(labels))), strict=True))

figure, axes = plt.subplots(figsize=(9, 6))
for label, group in images.groupby("label"):
    # Without the backslash, Matplotlib would read the text between two dollar signs as a formula.
    named = str(label).replace("$", r"\$") if label in labels[:names_in_legend] else None
    axes.scatter(group["PC1"], group["PC2"], s=12, color=colors[label], label=named)
axes.set(xlabel="PC1", ylabel="PC2", title="Images by their first two components")
title = "Label" if len(labels) <= names_in_legend else f"The {names_in_legend} largest of {len(labels)} labels"
axes.legend(title=title, bbox_to_anchor=(1.02, 1), loc="upper left", fontsize="small")
plt.show()

# %% [markdown]
# ## Which images are nearest to an image?
#
# The closer two images lie in the space of all components, the more alike they look to the network. Put the name of
# another image into the first line, and run the cell again with Shift+Enter.

# %%
image = images["image"].iloc[0]

chosen = images["image"] == image
distances = np.linalg.norm(components - components[chosen], axis=1)
nearest = images.assign(distance=distances)[~chosen].nsmallest(10, "distance")
print(f"Nearest to {image}:")
nearest[["image", "label", "distance"]]

# %% [markdown]
# ## Do neighbors have the same label?
#
# For a random sample of images, this is the share whose nearest image has the same label, beside the share that chance
# alone would give. If the two are close together, the components do not tell the labels apart.

# %%
sampled = np.random.default_rng(0).permutation(len(images))[:200]
names = images["label"].to_numpy()
hits = 0
for index in sampled:
    distances = np.linalg.norm(components - components[index], axis=1)
    distances[index] = np.inf
    hits += names[distances.argmin()] == names[index]

sizes = images["label"].value_counts()
by_chance = (sizes * (sizes - 1)).sum() / max(1, len(images) * (len(images) - 1))
print(f"Same label as the nearest image: {hits / len(sampled):.0%} of {len(sampled)} images, by chance {by_chance:.0%}")
