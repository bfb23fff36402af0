"""Checkpoints on disk: the format, the same numbers as in memory, nothing half done, and clear refusals."""

import json
import shutil

import pytest

torch = pytest.importorskip("torch")
safetensors = pytest.importorskip("safetensors")
from safetensors.torch import load_file, save_file  # noqa: E402

from yinguo.errors import DataError  # noqa: E402
from yinguo.language.tailor import checkpoint as under_test  # noqa: E402
from yinguo.language.tailor.checkpoint import tailor_checkpoint  # noqa: E402
from yinguo.language.tailor.layer import tailor_layer  # noqa: E402
from yinguo.language.tailor.merging import graft, ties, wise_ft  # noqa: E402
from yinguo.language.tailor.model import largest_changes  # noqa: E402
from yinguo.language.tailor.moments import MomentsFolder, measure_to_folder  # noqa: E402
from yinguo.language.tailor.shards import ShardReader, ShardWriter  # noqa: E402
from yinguo.language.tailor.streaming import find_border  # noqa: E402
from yinguo.nets import nn  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

SHAPES = {
    "embed.weight": (50, 8),
    "a.weight": (40, 8),
    "a.bias": (40,),
    "b.weight": (8, 40),
    "norm": (8,),
    "x": (3, 4, 5),
}
SHARDS = {
    "model-1.safetensors": ("embed.weight", "x"),
    "model-2.safetensors": ("a.weight", "a.bias", "b.weight", "norm"),
}


def weights(seed, dtype):
    g = make_generator(seed)
    return {name: torch.randn(*shape, generator=g).to(dtype) for name, shape in SHAPES.items()}


def save(folder, state, shards=SHARDS):
    folder.mkdir()
    for file, names in shards.items():
        save_file({name: state[name] for name in names}, folder / file, metadata={"format": "pt"})
    where = {name: file for file, names in shards.items() for name in names}
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": where}))
    (folder / "config.json").write_text('{"of": "' + folder.name + '"}')
    (folder / "optimizer.pt").write_text("left behind")
    return folder


def load(folder):
    return {name: value for file in sorted(folder.glob("*.safetensors")) for name, value in load_file(file).items()}


@pytest.fixture(params=[torch.float32, torch.bfloat16, torch.float16])
def pair(tmp_path, request):
    pre, change = weights(0, torch.float32), weights(1, torch.float32)
    tuned = {name: (pre[name] + 0.1 * change[name]).to(request.param) for name in pre}
    pre = {name: value.to(request.param) for name, value in pre.items()}
    return pre, tuned, save(tmp_path / "pre", pre), save(tmp_path / "tuned", tuned)


def same(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16, torch.int64, torch.bool, torch.uint8])
def test_safetensors_reads_what_is_written_in_parts_and_the_other_way_round(tmp_path, dtype):
    state = {"w": torch.randint(0, 2, (7, 5)).to(dtype), "scalar": torch.ones((), dtype=dtype), "é": torch.zeros(0, 3)}
    names = {torch.float32: "F32", torch.bfloat16: "BF16", torch.float16: "F16", torch.int64: "I64",
             torch.bool: "BOOL", torch.uint8: "U8"}  # fmt: skip
    shapes = {"w": (names[dtype], (7, 5)), "scalar": (names[dtype], ()), "é": ("F32", (0, 3))}
    with ShardWriter(tmp_path / "ours.safetensors", shapes, {"format": "pt"}) as writer:
        for part in (state["w"][:3], state["w"][3:], state["scalar"], state["é"]):
            writer.write(part)
    assert same(load_file(tmp_path / "ours.safetensors"), state)
    with safetensors.safe_open(tmp_path / "ours.safetensors", "pt") as file:
        assert file.metadata() == {"format": "pt"}
    save_file(state, tmp_path / "theirs.safetensors")
    with ShardReader(tmp_path / "theirs.safetensors") as reader:
        assert same({name: reader.tensor(name) for name in reader.entries}, state)
        assert torch.equal(reader.rows("w", 2, 5), state["w"][2:5])


def test_a_file_with_bytes_missing_or_too_many_is_not_finished_in_silence(tmp_path):
    with pytest.raises(ValueError, match="8 bytes of the tensors were not written"):  # noqa: SIM117
        with ShardWriter(tmp_path / "a", {"w": ("F32", (2, 2))}) as writer:
            writer.write(torch.zeros(1, 2))
    with pytest.raises(ValueError, match="more bytes"), ShardWriter(tmp_path / "b", {"w": ("F32", (1,))}) as writer:
        writer.write(torch.zeros(2))


@pytest.mark.parametrize("block", [1, 100, 2**21])
def test_the_result_is_that_of_the_functions_in_memory_whatever_the_size_of_the_blocks(
    pair, tmp_path, block, monkeypatch
):
    monkeypatch.setattr(under_test, "_AT_ONCE", block)
    pre, tuned, before, after = pair
    expected = {
        "tailor": {name: largest_changes(pre[name], tuned[name], 0.25) for name in tuned},
        "wise-ft": wise_ft(pre, tuned, alpha=0.3),
        "ties": ties(pre, [{name: tuned[name] for name in load(after)}], density=0.25, scale=0.7),
        "grafting": graft(pre, {name: tuned[name] for name in load(after)}, density=0.25),
    }
    for method, state in expected.items():
        made = tailor_checkpoint(before, after, tmp_path / method, method=method, density=0.25, alpha=0.3, scale=0.7)
        assert same(load(tmp_path / method), dict(state)), method
        assert made.tensors == len(SHAPES)
        if method in ("tailor", "grafting"):
            moved = sum(int((state[name] != pre[name]).sum()) for name in pre)
            assert made.density == pytest.approx(moved / sum(value.numel() for value in pre.values()))


def test_density_one_is_the_tuned_checkpoint_and_density_zero_the_pretrained_one(pair, tmp_path):
    pre, tuned, before, after = pair
    for method in ("tailor", "grafting", "ties"):
        tailor_checkpoint(before, after, tmp_path / "out", method=method, density=1.0, overwrite=True)
        assert same(load(tmp_path / "out"), tuned)
        tailor_checkpoint(before, after, tmp_path / "out", method=method, density=0.0, overwrite=True)
        assert same(load(tmp_path / "out"), pre)
    tailor_checkpoint(before, after, tmp_path / "out", method="dare", density=1.0, generator=make_generator(0),
                      overwrite=True)  # fmt: skip
    assert same(load(tmp_path / "out"), tuned)


def test_layout_types_and_companions_are_those_of_the_tuned_folder(pair, tmp_path):
    pre, _, _, after = pair
    whole = save(tmp_path / "whole", {n: v.float() for n, v in pre.items()}, {"model.safetensors": tuple(SHAPES)})
    (whole / "model.safetensors.index.json").unlink()
    for folder, file in (("pooling", "config.json"), ("checkpoint-5", "model.safetensors")):
        (after / folder).mkdir()
        (after / folder / file).write_text("{}")
    tailor_checkpoint(whole, after, tmp_path / "out")
    assert sorted(file.name for file in (tmp_path / "out").iterdir()) == sorted(
        [*SHARDS, "model.safetensors.index.json", "config.json", "pooling"]
    )
    assert (tmp_path / "out" / "pooling" / "config.json").exists()
    assert (tmp_path / "out" / "config.json").read_text() == '{"of": "tuned"}'
    assert {name: value.dtype for name, value in load(tmp_path / "out").items()} == {
        name: value.dtype for name, value in load(after).items()
    }
    for file in SHARDS:
        with safetensors.safe_open(tmp_path / "out" / file, "pt") as made:
            assert made.metadata() == {"format": "pt"}


def test_dare_leaves_out_the_stated_share_and_repeats_with_its_generator(pair, tmp_path):
    _, _, before, after = pair
    runs = [
        tailor_checkpoint(before, after, tmp_path / f"{k}", method="dare", density=0.3, generator=make_generator(seed))
        for k, seed in enumerate((1, 1, 2))
    ]
    assert runs[0].density == pytest.approx(0.3, abs=0.05)
    assert same(load(tmp_path / "0"), load(tmp_path / "1"))
    assert not same(load(tmp_path / "0"), load(tmp_path / "2"))


class Net(nn.Module):
    """Names and shapes of the checkpoint above."""

    def __init__(self, state):
        super().__init__()
        self.embed = nn.Embedding(50, 8)
        self.a, self.b = nn.Linear(8, 40), nn.Linear(40, 8, bias=False)
        self.norm, self.x = nn.Parameter(torch.zeros(8)), nn.Parameter(torch.zeros(3, 4, 5))
        self.load_state_dict({name: value.float() for name, value in state.items()})

    def forward(self, tokens):
        return self.b(torch.relu(self.a(self.embed(tokens)))) * self.norm


def test_layers_with_moments_are_compensated_also_in_blocks_and_the_rest_keeps_its_largest_changes(
    pair, tmp_path, monkeypatch
):
    monkeypatch.setattr(under_test, "_AT_ONCE", 24)
    pre, tuned, before, after = pair
    tokens = torch.randint(0, 50, (20, 6), generator=make_generator(3))
    found = measure_to_folder(Net(tuned), [tokens[:8], tokens[8:]], tmp_path / "moments", most_bytes=1)
    assert sorted(found.files) == ["a.weight", "b.weight"]
    made = tailor_checkpoint(before, after, tmp_path / "out", density=0.25, moments=tmp_path / "moments")
    state = load(tmp_path / "out")
    for report in made.layers:
        name = report.name
        alone = tailor_layer(pre[name], tuned[name], found.read(name), density=0.25)
        assert torch.allclose(state[name].float(), alone.weight.float(), atol=1e-2 if pre[name].itemsize == 2 else 1e-5)
        assert report.error < report.uncompensated
        assert report.error == pytest.approx(alone.error, rel=0.02)
    assert torch.equal(state["x"], largest_changes(pre["x"], tuned["x"], 0.25))


def test_two_passes_of_counting_find_the_same_border_as_sorting():
    g = make_generator(0)
    values = torch.randn(5000, generator=g).bfloat16().float()  # many equal ones
    for density in (0.001, 0.1, 0.5, 1.0):
        bits, equal = find_border(lambda: values.split(700), density)
        border = torch.tensor(bits, dtype=torch.int32).view(torch.float32)
        wanted = round(density * 5000)
        assert border == values.abs().sort(descending=True).values[wanted - 1]
        assert int((values.abs() > border).sum()) + equal == wanted


def test_a_folder_that_is_there_is_kept_unless_told_and_nothing_is_left_of_a_run_that_fails(
    pair, tmp_path, monkeypatch
):
    _, _, before, after = pair
    out = tmp_path / "out"
    out.mkdir()
    (out / "precious").write_text("kept")
    with pytest.raises(DataError, match="is there already; pass overwrite=True"):
        tailor_checkpoint(before, after, out)
    there = sorted(tmp_path.iterdir())

    def breaks(done, total, name):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        tailor_checkpoint(before, after, out, overwrite=True, progress=breaks)
    assert sorted(tmp_path.iterdir()) == there
    assert (out / "precious").read_text() == "kept"
    tailor_checkpoint(before, after, out, overwrite=True)
    assert not (out / "precious").exists()
    assert sorted(tmp_path.iterdir()) == there


def test_a_result_inside_its_sources_or_without_room_is_refused(pair, tmp_path, monkeypatch):
    _, _, before, after = pair
    for out in (before, after / "out", tmp_path):
        with pytest.raises(DataError, match="which it is made from"):
            tailor_checkpoint(before, after, out, overwrite=True)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: shutil._ntuple_diskusage(10, 10, 0))
    with pytest.raises(DataError, match=r"the result needs 0\.0 GB and .* has 0\.0 GB left"):
        tailor_checkpoint(before, after, tmp_path / "out")


def broken(folder, how):
    file = folder / "model-2.safetensors"
    if how == "cut":
        file.write_bytes(file.read_bytes()[:-3])
    elif how == "text":
        file.write_text("not a tensor in sight")
    elif how == "no JSON":
        file.write_bytes((8).to_bytes(8, "little") + b"not JSON")
    elif how == "gone":
        file.unlink()
    elif how == "index":
        (folder / "model.safetensors.index.json").write_text("{}")
    elif how in ("adapter", "bin", "empty"):
        for old in folder.iterdir():
            old.unlink()
        names = {"adapter": "adapter_model.safetensors", "bin": "pytorch_model.bin", "empty": "readme"}
        (folder / names[how]).write_text("x")
    elif how == "twice":
        shutil.copy(file, folder / "model-1.safetensors")
    else:
        state = load_file(file)
        if how == "name":
            state["extra"] = state.pop("norm")
        elif how == "shape":
            state["norm"] = torch.zeros(9)
        elif how == "whole":
            state["norm"] = torch.arange(8)
        elif how == "float8":
            state["norm"] = torch.zeros(8).to(torch.float8_e4m3fn)
        save_file(state, file)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ("cut", r"ends before 'norm' does|bytes of|ends before"),
        ("text", "not a complete safetensors file"),
        ("no JSON", "its header is no JSON"),
        ("gone", r"1 files of .* are missing, first model-2\.safetensors"),
        ("index", "no index of safetensors files"),
        ("adapter", "holds an adapter, not a model; merge it first"),
        ("bin", r"holds pytorch_model\.bin; load it with transformers"),
        ("empty", r"holds no model\.safetensors and no model\.safetensors\.index\.json"),
        ("twice", "is in two files"),
        ("name", "2 tensors are in one checkpoint only, first 'extra'"),
        ("shape", r"'norm' has shape \(8,\) in .* and \(9,\) in .*resize"),
        ("float8", "'norm' .* has type F8_E4M3; weights must be F32, F16 or BF16"),
    ],
)
def test_what_is_wrong_with_a_folder_is_said(pair, tmp_path, how, message):
    _, _, before, after = pair
    broken(after, how)
    with pytest.raises(DataError, match=message):
        tailor_checkpoint(before, after, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_whole_numbers_pass_if_they_are_equal_and_are_refused_if_they_differ(pair, tmp_path):
    _, _, before, after = pair
    broken(after, "whole")
    broken(before, "whole")
    tailor_checkpoint(before, after, tmp_path / "out")
    assert torch.equal(load(tmp_path / "out")["norm"], torch.arange(8))
    state = load_file(after / "model-2.safetensors")
    save_file(state | {"norm": torch.arange(1, 9)}, after / "model-2.safetensors")
    with pytest.raises(DataError, match="'norm' holds whole numbers that differ"):
        tailor_checkpoint(before, after, tmp_path / "other")


@pytest.mark.parametrize("least", [0.05, 5.0])
def test_moments_without_a_factor_get_more_damping_and_are_refused_in_the_end(pair, tmp_path, monkeypatch, least):
    _, tuned, before, after = pair
    measure_to_folder(Net(tuned), [torch.zeros(2, 3, dtype=torch.long)], tmp_path / "moments")
    real = under_test.LayerTailor

    def rounds(H, *, damping, **options):
        if damping < least:
            raise torch.linalg.LinAlgError("not positive-definite")
        return real(H, damping=damping, **options)

    monkeypatch.setattr(under_test, "LayerTailor", rounds)
    if least < 1:
        assert len(tailor_checkpoint(before, after, tmp_path / "out", moments=tmp_path / "moments").layers) == 2
    else:
        with pytest.raises(DataError, match=r"'a\.weight' have no Cholesky factor even with damping 1; calibrate"):
            tailor_checkpoint(before, after, tmp_path / "out", moments=tmp_path / "moments")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"method": "magic"}, "method is 'magic'; it must be one of tailor, dare"),
        ({"density": 2}, "density is 2"),
        ({"alpha": -1, "method": "wise-ft"}, "alpha is -1"),
        ({"method": "dare", "density": 0.0}, "dare needs a density above 0"),
        ({"method": "ties", "moments": "somewhere"}, "calibration is for the method tailor"),
        ({"moments": "nowhere"}, r"nowhere holds no readable moments\.json"),
    ],
)
def test_options_that_cannot_be_are_refused(pair, tmp_path, options, message):
    _, _, before, after = pair
    with pytest.raises(DataError, match=message):
        tailor_checkpoint(before, after, tmp_path / "out", **options)


def test_moments_of_another_model_are_refused(pair, tmp_path):
    _, _, before, after = pair
    (tmp_path / "moments.json").write_text('{"other.weight": "0.safetensors"}')
    with pytest.raises(DataError, match=r"moments are of another model: 'other\.weight'"):
        tailor_checkpoint(before, after, tmp_path / "out", moments=MomentsFolder(tmp_path))


def one(folder, content):
    folder.mkdir()
    if isinstance(content, bytes):
        content = len(content).to_bytes(8, "little") + content
        (folder / "model.safetensors").write_bytes(content)
    elif isinstance(content, str):
        (folder / "model.safetensors.index.json").write_text(content)
    else:
        save_file(content, folder / "model.safetensors")
    return folder


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b'{"a":{"b":1}}', "its header lists no tensors"), (b"[1,2]", "its header lists no tensors"),
        (b'{"a":3}', "its header lists no tensors"), (b"{}", "holds no tensor"),
        ('{"weight_map":{}}', "holds no tensor"), ("[1]", "is no index"), ('{"weight_map":{"a":3}}', "is no index"),
    ],
)  # fmt: skip
def test_files_that_hold_no_tensors_are_refused(tmp_path, content, words):
    fine = one(tmp_path / "fine", {"w": torch.ones(2, 2)})
    with pytest.raises(DataError, match=words):
        tailor_checkpoint(fine, one(tmp_path / "odd", content), tmp_path / "out")


@pytest.mark.parametrize("method", ["tailor", "dare", "wise-ft", "ties", "grafting"])
def test_weights_that_are_no_numbers_are_refused_and_nothing_is_written(tmp_path, method):
    fine = one(tmp_path / "fine", {"w": torch.ones(2, 2)})
    odd = one(tmp_path / "odd", {"w": torch.full((2, 2), float("nan"))})
    for before, after in ((fine, odd), (odd, fine)):
        with pytest.raises(DataError, match=r"weights of 'w' in .*odd hold 4 entries that are not finite"):
            tailor_checkpoint(before, after, tmp_path / "out", method=method, generator=make_generator(0))
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("listed", "H", "words"),
    [
        (["w"], None, r"holds no readable moments\.json"),
        ({"w": "gone.safetensors"}, None, "is not there; measure them again"),
        ({"w": "h.safetensors"}, {"K": torch.eye(2)}, "holds no moments H"),
        ({"w": "h.safetensors"}, {"H": torch.eye(3)}, "the layer has 2 inputs"),
    ],
)
def test_moments_that_are_broken_or_of_another_layer_are_refused(tmp_path, listed, H, words):
    before, after = (one(tmp_path / name, {"w": torch.rand(2, 2)}) for name in ("before", "after"))
    (tmp_path / "moments").mkdir()
    (tmp_path / "moments" / "moments.json").write_text(json.dumps(listed))
    if H is not None:
        save_file(H, tmp_path / "moments" / "h.safetensors")
    with pytest.raises(DataError, match=words):
        tailor_checkpoint(before, after, tmp_path / "out", moments=tmp_path / "moments")
