"""pfl: FedAvg as its own examples run it, without evaluation.

In one process, or in each of two: peer_pfl_two.py says how pfl is told that there are two.
"""

from itertools import count
from typing import Any

import numpy as np
import torch
from forked import Follower, Leader
from models import initial
from pfl.aggregate.simulate import SimulatedBackend
from pfl.aggregate.weighting import WeightByDatapoints
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.callback.base import TrainingProcessCallback
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.hyperparam.base import NNTrainHyperParams
from pfl.metrics import Metrics
from pfl.model.pytorch import PyTorchModel
from torch import nn
from torch.nn import functional as F
from turns import Job, Turns
from workloads import Users

ROUNDS = 1_000_000


class Net(nn.Module):
    """A workload's network with the two methods that pfl asks for."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def loss(self, inputs: torch.Tensor, labels: torch.Tensor, eval: bool = False) -> torch.Tensor:
        """Return the training loss."""
        return F.cross_entropy(self.network(inputs), labels)

    def metrics(self, inputs: torch.Tensor, labels: torch.Tensor, eval: bool = True) -> dict[str, Any]:
        """Return nothing: there is no evaluation here."""
        return {}


class Turn(TrainingProcessCallback):
    """Waits for the next turn after every round."""

    def __init__(self, turns: Turns | Leader | Follower) -> None:
        self.turns = turns

    def after_central_iteration(self, aggregate_metrics: Any, model: Any, *, central_iteration: int) -> Any:
        """Say that the round is over; end if there are no more."""
        self.turns.done()
        return not self.turns.take(), Metrics()


def simulate(job: Job, turns: Turns | Leader | Follower) -> list[np.ndarray]:
    """Run pfl, a round at each turn, and return the final arrays."""
    if not turns.take():
        return []
    np.random.seed(0)  # what pfl draws with; two processes have to draw the same
    torch.manual_seed(0)
    workload = job.workload
    net = Net(initial(workload))
    data = _data(Users.open(job.folder, workload))
    model = PyTorchModel(net, torch.optim.SGD, torch.optim.SGD(net.parameters(), 1.0))
    backend = SimulatedBackend(data, data, postprocessors=[WeightByDatapoints()])
    numbers = NNAlgorithmParams(ROUNDS, ROUNDS, workload.cohort, None)
    local = NNTrainHyperParams(
        local_batch_size=workload.batch, local_learning_rate=workload.rate, local_num_epochs=1
    )
    FederatedAveraging().run(
        numbers, backend, model, local, callbacks=[Turn(turns)], send_metrics_to_platform=False
    )
    return [parameter.detach().numpy() for parameter in net.parameters()]


def _data(users: Users) -> FederatedDataset:
    # of every process the same: pfl passes over those of the other
    asked = ((round, name) for round in count(1) for name in users.workload.draw(round))

    def dataset(user: tuple[int, str]) -> Dataset:
        # the batches of this round one behind the other: pfl cuts them off in this order
        round, name = user
        inputs, labels = (np.concatenate(part) for part in zip(*users.batches(name, round), strict=True))
        return Dataset((torch.from_numpy(inputs), torch.from_numpy(labels)))

    return FederatedDataset(dataset, lambda: next(asked))
