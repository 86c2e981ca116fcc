"""Flower's simulation on Ray, with a client app as its users write them: one model a process, kept.

As many virtual nodes as a round has users, which is kind to Flower, whose cost grows with the square of
the nodes; node number k trains the round's user k. Replies are averaged in the order in which they come.
"""

import os
import warnings
from contextlib import suppress
from functools import cache
from typing import Any

import numpy as np
import torch
from flwr.app import ArrayRecord, ConfigRecord, Context, Message, MetricRecord, RecordDict
from flwr.clientapp import ClientApp
from flwr.serverapp import Grid, ServerApp
from flwr.serverapp.strategy import FedAvg
from flwr.simulation import run_simulation
from models import initial, optimiser
from torch.nn import functional as F
from turns import Job, Turns
from workloads import Users

JOB = "ISOFED_BENCHMARK_JOB"
ROUNDS = 1_000_000


class _Enough(Exception):
    """Ends Flower's loop, which knows no other end than its last round."""


@cache
def _kit(threads: int) -> tuple[Users, torch.nn.Module, torch.optim.Optimizer]:
    """Open the data and build the model once in each of Ray's processes."""
    torch.set_num_threads(threads)
    job = _job()
    model = initial(job.workload)
    return Users.open(job.folder, job.workload), model, optimiser(job.workload, model)


def _job() -> Job:
    # what Ray's processes know of the run comes with their environment: they are started afresh
    from engines import job_of

    return job_of(os.environ[JOB].split("\n"))


def train(message: Message, context: Context) -> Message:
    """Train this node's user from the arrays in the message."""
    users, model, steps = _kit(1)
    config: Any = message.content["config"]
    arrays: Any = message.content["arrays"]
    round = int(config["server-round"])
    user = users.workload.draw(round)[int(context.node_config["partition-id"])]
    model.load_state_dict(arrays.to_torch_state_dict())
    for inputs, labels in users.batches(user, round):
        loss = F.cross_entropy(model(torch.from_numpy(inputs)), torch.from_numpy(labels))
        steps.zero_grad(set_to_none=True)
        loss.backward()
        steps.step()
    numbers = MetricRecord({"num-examples": users.workload.examples})
    trained = ArrayRecord(model.state_dict())
    return Message(RecordDict({"arrays": trained, "metrics": numbers}), reply_to=message)


def simulate(job: Job, turns: Turns) -> list[np.ndarray]:
    """Run the simulation, a round at each turn, and return the final arrays."""
    warnings.simplefilter("ignore")
    from engines import words_of

    os.environ[JOB] = "\n".join(words_of(job))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    kept: dict[str, Any] = {}

    def look(round: int, arrays: ArrayRecord) -> MetricRecord | None:
        kept["arrays"] = arrays
        if round:
            turns.done()
            if not turns.take():
                raise _Enough
        return None

    def counted(replies: list[RecordDict], key: str) -> MetricRecord:
        # FedAvg goes on with those that came; a round of fewer users would be no comparison
        if len(replies) != job.workload.cohort:
            raise RuntimeError(f"{len(replies)} replies instead of {job.workload.cohort}")
        return MetricRecord({"replies": len(replies)})

    client, server = ClientApp(), ServerApp()
    client.train()(train)

    @server.main()
    def main(grid: Grid, context: Context) -> None:
        size = job.workload.cohort
        # nodes sign in while the first round is drawn, of which Flower would take those that are there
        least = {"min_available_nodes": size, "min_train_nodes": size}
        every = FedAvg(fraction_evaluate=0.0, train_metrics_aggr_fn=counted, **least)
        first = ArrayRecord(initial(job.workload).state_dict())
        with suppress(_Enough):
            every.start(grid, first, ROUNDS, train_config=ConfigRecord(), evaluate_fn=look)

    if turns.take():
        resources: Any = {"client_resources": {"num_cpus": 1}, "init_args": {"num_cpus": job.workers}}
        run_simulation(server, client, job.workload.cohort, backend_config=resources)
    return [array.numpy() for array in kept["arrays"].values()]
