"""The loop keeps its word: turns, batches, best weights, history, callbacks, seeds."""

import math

import pytest

from yinguo.errors import ConvergenceError
from yinguo.nets import nn, torch
from yinguo.nets.blocks import make_generator, mlp
from yinguo.nets.trainer import Phase, Trainer, Validation

x = torch.linspace(-1, 1, 60)[:, None]
DATA = {"x": x, "y": 2 * x - 1}


class Line(nn.Module):
    """A line fitted by gradient steps; counts what it is asked."""

    def __init__(self, lr: float = 0.05, seed: int = 0, steps: int = 1):
        super().__init__()
        self.net = mlp([1, 1], generator=make_generator(seed))
        self.lr, self.steps, self.sizes = lr, steps, []

    def losses(self, batch):
        self.sizes.append(len(batch["x"]))
        return {"squares": (batch["y"] - self.net(batch["x"])).square().mean()}

    def phases(self):
        return [Phase("fit", self.losses, torch.optim.SGD(self.parameters(), lr=self.lr), self.steps)]


class Game(nn.Module):
    """Two players with one number each; the log tells who moved and who was in training mode."""

    def __init__(self):
        super().__init__()
        self.a, self.b = (mlp([1, 1], generator=make_generator(k)) for k in (0, 1))
        self.log = []

    def play(self, who):
        def losses(batch):
            other = self.b if who == "a" else self.a
            self.log.append((who, self.a.training, self.b.training, any(p.requires_grad for p in other.parameters())))
            return {"value": (self.a(batch["x"]) * self.b(batch["x"])).mean() * (1 if who == "a" else -1)}

        return losses

    def phases(self):
        make = lambda net: torch.optim.SGD(net.parameters(), lr=0.1)  # noqa: E731
        return [
            Phase("a", self.play("a"), make(self.a), 2, [self.a]),
            Phase("b", self.play("b"), make(self.b), 1, [self.b]),
        ]


def test_phases_take_their_turns_alone_and_the_others_stand_still():
    game = Game()
    Trainer(epochs=2).fit(game, DATA)
    assert [entry[0] for entry in game.log] == ["a", "a", "b", "a", "a", "b"]
    for who, a_trains, b_trains, other_moves in game.log:
        assert (a_trains, b_trains) == (who == "a", who == "b")
        assert not other_moves
    assert all(p.requires_grad for p in game.parameters())
    assert not game.training


def test_rows_are_dealt_into_batches_of_equal_size_and_all_are_used():
    line = Line()
    Trainer(epochs=2, batch_size=25, generator=make_generator(0)).fit(line, DATA)
    assert line.sizes == [30, 30] * 2
    few = Line()
    Trainer(epochs=3, batch_size=8, steps_per_epoch=4, generator=make_generator(0)).fit(few, DATA)
    assert few.sizes == [8] * 12


def test_batches_without_a_generator_are_refused():
    with pytest.raises(ValueError, match="generator"):
        Trainer(epochs=1, batch_size=10)


def test_the_best_weights_are_kept_and_training_stops_when_nothing_improves():
    line = Line(lr=0.0)
    seen = iter([5.0, 3.0, 4.0, 4.0, 4.0, 1.0])
    marks = []

    def loss():
        marks.append(line.net[0].weight.item())
        with torch.no_grad():
            line.net[0].weight.add_(1.0)  # weights move on, so that keeping the best ones is visible
        return next(seen)

    history = Trainer(epochs=10).fit(line, DATA, Validation("a list", loss, patience=3))
    assert history.best == 2
    assert history.stopped == "no progress"
    assert history.validation == "a list"
    assert [e.validation for e in history.epochs] == [5.0, 3.0, 4.0, 4.0, 4.0]
    # The look itself moved the weight before it was stored.
    assert line.net[0].weight.item() == pytest.approx(marks[1] + 1.0)


def test_looks_begin_after_the_burn_in_and_come_every_so_many_epochs():
    line = Line()
    history = Trainer(epochs=7).fit(line, DATA, Validation("none", lambda: 1.0, every=2, burn_in=3))
    assert [e.number for e in history.epochs if e.validation is not None] == [4, 6]


def test_callbacks_see_every_epoch_and_may_end_training():
    met = []
    history = Trainer(epochs=9, callbacks=[lambda e, net: met.append(e.number), lambda e, net: e.number == 4]).fit(
        Line(), DATA
    )
    assert met == [1, 2, 3, 4]
    assert history.stopped == "callback"


@pytest.mark.parametrize("how", ["look", "callback"])
def test_every_step_is_taken_in_training_mode_whatever_a_look_or_a_callback_left_behind(how):
    class Watched(Line):
        def losses(self, batch):
            self.modes.append(self.net.training)
            return super().losses(batch)

    line = Watched()
    line.modes = []
    looked = Validation("none", lambda: 1.0, every=2) if how == "look" else None
    Trainer(epochs=5, callbacks=[] if looked else [lambda e, net: bool(net.eval()) and None]).fit(line, DATA, looked)
    assert line.modes == [True] * 5
    assert not line.training


def test_the_history_holds_the_mean_of_each_named_loss():
    line = Line(lr=0.0, steps=3)
    history = Trainer(epochs=1).fit(line, DATA)
    with torch.no_grad():
        value = float(line.losses(DATA)["squares"])
    assert history.epochs[0].losses == {"fit: squares": pytest.approx(value, rel=1e-6)}


def test_a_loss_that_is_no_number_is_an_error_that_names_the_phase():
    with pytest.raises(ConvergenceError, match=r"fit: squares.*Lower the learning rate"):
        Trainer(epochs=400).fit(Line(lr=50.0), DATA)
    with pytest.raises(ConvergenceError, match="a stated loss"):
        Trainer(epochs=1).fit(Line(), DATA, Validation("a stated loss", lambda: math.nan))


def test_the_same_generators_give_the_same_weights_whatever_the_global_seed_is():
    def run(global_seed):
        torch.manual_seed(global_seed)
        net = mlp([1, 8, 8, 1], generator=make_generator(3), dropout=0.3, batch_norm={1})
        line = Line()
        line.net = net
        before = torch.random.get_rng_state()
        Trainer(epochs=3, batch_size=16, generator=make_generator(5)).fit(line, DATA)
        assert torch.equal(torch.random.get_rng_state(), before)
        return net(x)

    assert torch.equal(run(0), run(1))
