"""Reading at some positions gives what reading at all of them gives there, in value and gradient."""

import pytest

torch = pytest.importorskip("torch")

from yinguo.language.small_gpt import SmallGPT  # noqa: E402
from yinguo.nets.blocks import make_generator  # noqa: E402

TOKENS = torch.arange(30).reshape(3, 10) % 7


@pytest.mark.parametrize("token_shift", [True, False])
@pytest.mark.parametrize("layers", [1, 3])
@pytest.mark.parametrize("places", [[9], [2, 5, 8]])
def test_it_equals_the_whole_pass_at_its_positions(token_shift, layers, places):
    model = SmallGPT(vocabulary=7, length=12, width=16, heads=2, layers=layers, token_shift=token_shift, dropout=0.0,
                     generator=make_generator(0)).eval()  # fmt: skip
    whole, part = model(TOKENS), model(TOKENS, places=places)
    assert torch.allclose(whole.logits[:, places], part.logits, atol=1e-6)
    assert torch.allclose(whole.hidden[:, places], part.hidden, atol=1e-6)
    for first, second in zip(whole.attentions, part.attentions, strict=True):
        assert torch.equal(first, second)

    def gradients(logits, attentions):
        model.zero_grad()
        (logits.square().sum() + sum(a[..., -1, :].square().sum() for a in attentions)).backward()
        return torch.cat([p.grad.flatten().clone() for p in model.parameters() if p.grad is not None])

    first = gradients(whole.logits[:, places], whole.attentions)
    assert torch.allclose(first, gradients(part.logits, part.attentions), atol=1e-5)
    assert first.abs().max() > 0.1
