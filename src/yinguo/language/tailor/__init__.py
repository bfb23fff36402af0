"""Model Tailor: keep what a model could do before it was tuned, without training again.

* ``layer``, ``compensation``: which weights of one linear layer stay tuned, and how they make up for the others.
* ``curvature``: second moments of the inputs of every linear layer, by hooks.
* ``model``: a whole model in memory, layers in sequence.
* ``shards``, ``folder``, ``checkpoint``: folders of safetensors files too large for memory.
* ``merging``: DARE, TIES, grafting, task arithmetic, WiSE-FT over state dicts; patches of several tasks.
* ``l2_sp``: the penalty on the distance from the pre-trained weights, for tuning.
* ``scores``: H-score, average and forgetting curves.
"""
