r"""CLUB: an upper bound on the mutual information of a representation and a variable, from samples.

A network q gives a Gaussian law of the variable o at each representation r, mean :math:`\mu(r)` and log variance
:math:`v(r)`. It learns by likelihood, and the bound contrasts a row's own value with that of another row:

.. math:: \mathrm{lld} = \frac{1}{n} \sum_i \frac{(o_i - \mu_i)^2}{e^{v_i}} + v_i,
   \qquad \Delta = \sum_i w_i \Big[\frac{(o_{\pi(i)} - \mu_i)^2}{e^{v_i}} - \frac{(o_i - \mu_i)^2}{e^{v_i}}\Big]

(without the factors 1/2 of the Gaussian law, as the programmes that use it leave them out). With :math:`w_i = 1/n` and
q the true law, half of :math:`\Delta` is in expectation no less than the information. With a poor q it bounds nothing;
and maximising an upper bound, as some methods do, is a heuristic.

Source: Cheng, Hao, Dai, Liu, Gan & Carin (2020), ICML; the weights are those of Yuan, Wu, Kuang, Li, Wu, Wu & Lin
(2022), ACM TKDD 16(4).
"""

from yinguo.nets import nn, torch
from yinguo.nets.blocks import mlp

__all__ = ["ConditionalGaussian", "similar_pairs"]


class ConditionalGaussian(nn.Module):
    """The law of one variable given another: a mean net and a log-variance net, one hidden layer each.

    **Shape**: (n, inputs) to means and log variances, both (n, outputs).

    Parameters
    ----------
    inputs, outputs : int
        Columns of the representation and of the variable.
    hidden : int
        Width of the hidden layers.
    generator : torch.Generator
        First weights.
    """

    def __init__(self, inputs: int, outputs: int, *, hidden: int, generator: torch.Generator) -> None:
        super().__init__()
        sizes = [inputs, max(1, hidden), outputs]
        self.mean = mlp(sizes, generator=generator, activation="elu", init="xavier")
        # A log variance between -1 and 1 keeps the contrast from exploding where q is sure and wrong.
        self.log_variance = mlp(sizes, generator=generator, activation="elu", final="tanh", init="xavier")

    def forward(self, r: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Means and log variances at (n, inputs) representations."""
        return self.mean(r), self.log_variance(r)

    def likelihood_loss(self, r: torch.Tensor, o: torch.Tensor) -> torch.Tensor:
        """lld: what the two nets minimise, summed over the columns of the variable; a scalar.

        Parameters
        ----------
        r : (n, inputs) tensor
        o : (n, outputs) tensor
        """
        mean, log_variance = self(r)
        return ((o - mean).square() * torch.exp(-log_variance) + log_variance).sum(1).mean()

    def bound(
        self,
        r: torch.Tensor,
        o: torch.Tensor,
        order: torch.Tensor | None = None,
        weights: torch.Tensor | None = None,
    ) -> torch.Tensor:
        r""":math:`\Delta`, summed over the columns of the variable; a scalar.

        Parameters
        ----------
        r : (n, inputs) tensor
        o : (n, outputs) tensor
        order : (n,) tensor of row numbers, optional
            :math:`\pi`. None compares each row with all rows, itself included: the mean over all :math:`\pi`, exact
            and as cheap as one.
        weights : (n,) tensor, optional
            Default 1/n. They belong to pairs of rows, so they need an ``order``.
        """
        mean, log_variance = self(r)
        own = (o - mean).square()
        if order is None:
            if weights is not None:
                raise ValueError("weights belong to pairs of rows; give the order that makes the pairs")
            centre = o.mean(0)
            other = (centre - mean).square() + (o - centre).square().mean(0)
        else:
            other = (o[order] - mean).square()
        contrast = ((other - own) * torch.exp(-log_variance)).sum(1)
        return contrast.mean() if weights is None else (weights * contrast).sum()


def similar_pairs(x: torch.Tensor, order: torch.Tensor, *, width: float = 0.1, soft: bool = True) -> torch.Tensor:
    r"""Weights of pairs of rows by how alike they are in a variable that is to be held fixed; they sum to 1.

    With :math:`k_i = \exp(-(x_i - x_{\pi(i)})^2 / (2 s^2))`, either softmax(k), which differs from equal weights by a
    factor of at most e, or :math:`k_i / \sum_j k_j`, which leaves out pairs that are not alike.

    Parameters
    ----------
    x : (n, 1) tensor
    order : (n,) tensor of row numbers
        :math:`\pi`.
    width : float
        s.
    soft : bool
        The first of the two.

    Returns
    -------
    (n,) tensor
    """
    logs = -(x - x[order]).square().sum(1) / (2 * width**2)
    return torch.softmax(logs.exp() if soft else logs, dim=0)
