# SPDX-License-Identifier: Apache-2.0
"""Trains the student from random weights on the pool, with the teacher's features as targets.

    train.py --out DIR --name NAME [--seed N] [--images TOTAL] [--cooldown IMAGES] [...]

Stops when the student has seen TOTAL pictures, or when asked to (SIGTERM, SIGINT); started again with the
same name it goes on from DIR/NAME/checkpoint.pt. The learning rate is constant after a short warm-up and
falls linearly over the last --cooldown pictures, so a run can be lengthened without having planned for it:
a cool-down is a branch of its own (--name NAME-cool --start-from NAME). What is evaluated and exported is
the running average of the weights, which is usable at any moment.
"""

import argparse
import json
import signal
import time
from collections import deque
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors import safe_open

from evaluate import benchmark_images, quality
from generate import GROUP, NEW_LABELS, PHONE_LABELS, SHOP, STUDIO, WORLD
from model import Network, mobilenetv2, run, to_input, write_safetensors

# Settings that shape the weights; every change of them during a run is kept in the checkpoint.
RECORDED = (
    "seed",
    "width",
    "resolution",
    "batch",
    "rate",
    "decay",
    "average",
    "relations",
    "whitening",
    "kinds",
    "spread",
    "rank",
    "rank_from",
    "memory",
    "warmup",
    "cooldown",
)
VIEWS = 2  # of the GROUP pictures of a kind, how many a batch takes


class Pool:
    """The shards that exist by now; looks for new ones as training goes on."""

    def __init__(self, folder):
        self.folder, self.names, self.pixels = folder, [], []
        self.labels, self.scenes, self.features = [], [], []
        self.look()

    def look(self):
        for path in sorted(self.folder.glob("[0-9]*.npz")):
            if path.name not in self.names:
                arrays = np.load(path)
                self.names.append(path.name)
                self.pixels.append(np.load(path.with_suffix(".npy"), mmap_mode="r"))
                self.labels.append(arrays["labels"])
                self.scenes.append(arrays["scenes"])
                self.features.append(arrays["features"])

    def statistics(self):
        """Of the teacher's features over the first shards: mean, standard deviation (of rarely used features,
        what the others have), and the eigenvalues and eigenvectors of their covariance after scaling."""
        first = np.concatenate(self.features[:4]).astype(np.float32)
        mean, deviation = first.mean(0), first.std(0)
        scaled = (first - mean) / np.maximum(deviation, 0.3 * deviation.mean())
        variances, directions = np.linalg.eigh(np.cov(scaled.T))
        arrays = mean, deviation, variances.astype(np.float32), directions.astype(np.float32)
        return tuple(torch.from_numpy(array) for array in arrays)

    def batch(self, rng, n_groups):
        """VIEWS pictures of each of n_groups kinds: pixels, labels, scenes, teacher features."""
        shards = rng.integers(len(self.pixels), size=n_groups)
        pixels, labels, scenes, features = [], [], [], []
        for shard in shards:
            group = rng.integers(len(self.labels[shard]) // GROUP)
            rows = np.sort(group * GROUP + rng.permutation(GROUP)[:VIEWS])
            pixels.append(self.pixels[shard][rows])
            labels.append(self.labels[shard][rows])
            scenes.append(self.scenes[shard][rows])
            features.append(self.features[shard][rows])
        return (
            np.concatenate(pixels),
            torch.from_numpy(np.concatenate(labels)),
            torch.from_numpy(np.concatenate(scenes)),
            torch.from_numpy(np.concatenate(features)).float(),
        )


def augment(rng, pixels, px):
    """Reduces to px; mirroring, a few percent of light and colour: the teacher's answer stands."""
    mirrored = rng.random(len(pixels)) < 0.5
    pixels[mirrored] = pixels[mirrored, :, ::-1]
    if px != pixels.shape[1]:
        reduced = F.interpolate(
            torch.from_numpy(pixels).permute(0, 3, 1, 2), size=(px, px), mode="bilinear", antialias=True
        )
        pixels = reduced.permute(0, 2, 3, 1).numpy()
    x = to_input(pixels)
    gain = (
        1
        + 0.06 * rng.standard_normal((len(pixels), 1, 1, 1))
        + 0.03 * rng.standard_normal((len(pixels), 3, 1, 1))
    )
    x = (x + 1) * torch.from_numpy(gain).float() - 1
    return x.clamp_(-1, 1).contiguous(memory_format=torch.channels_last)


class Loss:
    """The teacher's features as they are, their relations to those of other pictures, and what belongs together.

    imitation  squared error and cosine distance, each feature scaled by the teacher's mean and deviation
    relations  cosines between a picture and all others about their mean (uncentred, the common offset is all
               it sees): once over all, once within each scene, about the scene's own mean, since among photos on
               white what all have in common hides what tells them apart. Correlation, since squared differences
               of cosines, most of which are near 0, are least for features that are noise. In coordinates where
               the teacher's strong directions are weakened: each by its variance to the power of -whitening; the
               teacher's own photos are found as well there, with variance in more directions
    kinds      supervised contrastive (Khosla et al. 2020): pictures of one kind nearer than those of
               others; asks for more than the teacher knows, and makes backgrounds and lights fall away
    spread     keeps each feature's deviation within the batch near the teacher's: imitation alone rewards
               shrinking to the mean, and a student that does so has features of low rank
    rank       the features, unscaled, vary in no fewer directions than the teacher's, times RANK_MARGIN
               (participation ratio): over the batch, and over photos on white alone

    "Others" are the batch and the last `memory` batches as they were then (He et al. 2020): comparisons cost
    next to nothing beside the network, and a batch holds too few photos of one scene to compare.
    """

    RANK_MARGIN = 1.5

    def __init__(self, statistics, whitening, memory, weights):
        mean, deviation, variances, directions = statistics
        self.whiten = directions * (variances.clamp_min(0) + 0.01 * variances.mean()) ** -whitening
        self.mean, self.deviation = mean, deviation.clamp_min(0.3 * deviation.mean().item())
        self.target_spread, self.weights = deviation / self.deviation, weights
        self.memory = deque(maxlen=memory)

    def __call__(self, student, teacher, labels, scenes):
        a, b = (student - self.mean) / self.deviation, (teacher - self.mean) / self.deviation
        a_unit, b_unit = F.normalize(a, dim=1), F.normalize(b, dim=1)
        batch = dict(
            student=student,
            teacher=teacher,
            student_white=a @ self.whiten,
            teacher_white=b @ self.whiten,
            unit=a_unit,
            labels=labels,
            scenes=scenes,
        )
        every = {
            key: torch.cat([value.detach(), *(old[key] for old in self.memory)])
            for key, value in batch.items()
        }
        self.memory.append({key: value.detach() for key, value in batch.items()})
        terms = {"imitation": F.mse_loss(a, b) + (1 - (a_unit * b_unit).sum(1)).mean()}
        terms["relations"] = 0.5 * self.relations(batch, every, torch.ones(len(every["scenes"]), dtype=bool))
        for scene in (STUDIO, WORLD, SHOP):
            terms["relations"] += self.relations(batch, every, every["scenes"] == scene) / 6
        terms["kinds"] = self.contrast(a_unit, labels, every["unit"], every["labels"])
        terms["rank"] = self.lost_rank(student, teacher, len(student))
        studio = every["scenes"] == STUDIO
        n_studio = int(studio[: len(student)].sum())
        terms["studio"] = self.lost_rank(
            torch.cat([student[studio[: len(student)]], every["student"][studio][n_studio:]]),
            every["teacher"][studio],
            n_studio,
        )
        terms["spread"] = F.relu(b.std(0) - a.std(0)).mean()
        return sum(self.weights[name] * term for name, term in terms.items()), terms

    @staticmethod
    def relations(batch, every, chosen):
        """For each chosen picture of the batch, 1 - Pearson's correlation of the teacher's and the student's
        cosines with all other chosen pictures (Huang et al. 2022), which have no gradient."""
        rows = chosen[: len(batch["scenes"])]
        if not rows.any():
            return torch.zeros(())
        standard = []
        for key in ("student_white", "teacher_white"):
            others = every[key][chosen]
            mean = others.mean(0)
            cosines = F.normalize(batch[key][rows] - mean, dim=1) @ F.normalize(others - mean, dim=1).T
            cosines = cosines * (1 - torch.eye(*cosines.shape))
            standard.append(F.normalize(cosines - cosines.mean(1, keepdim=True), dim=1))
        return 1 - (standard[0] * standard[1]).sum(1).mean()

    @classmethod
    def lost_rank(cls, student, teacher, n_batch):
        """How far the logarithm of the student's rank is below its aim. Only the batch's share of the pictures
        has a gradient, which is weighted as if all had."""
        if n_batch == 0:
            return torch.zeros(())
        lost = F.relu(cls.log_rank(teacher) + np.log(cls.RANK_MARGIN) - cls.log_rank(student))
        share = n_batch / len(student)
        return lost / share + (lost - lost / share).detach()

    @staticmethod
    def log_rank(features):
        """log((sum of eigenvalues)^2 / sum of their squares) of the covariance, by the Gram matrix."""
        centred = features - features.mean(0)
        gram = centred @ centred.T
        return 2 * torch.log(gram.trace()) - torch.log(gram.square().sum())

    @staticmethod
    def contrast(unit, labels, all_unit, all_labels, temperature=0.15):
        """Of the batch against all, which begin with the batch."""
        # A phone class is four photos: asked for it, the student would learn the photos by heart.
        rows, columns = (
            (which >= 0) & ((which < PHONE_LABELS) | (which >= NEW_LABELS)) for which in (labels, all_labels)
        )
        unit, labels, all_labels = unit[rows], labels[rows], all_labels[columns]
        itself = torch.eye(len(labels), len(all_labels), dtype=torch.bool)
        similarity = (unit @ all_unit[columns].T / temperature).masked_fill(itself, -1e4)
        same = (labels[:, None] == all_labels[None]) & ~itself
        log_probability = similarity - similarity.logsumexp(1, keepdim=True)
        paired = same.any(1)
        return -((log_probability * same).sum(1)[paired] / same.sum(1)[paired]).mean()


class Average:
    """Running average of weights and batch statistics, faster at the start."""

    def __init__(self, network, decay):
        self.network, self.decay = network, decay
        self.values = {name: value.clone() for name, value in network.state_dict().items()}

    def update(self, step):
        decay = min(self.decay, (1 + step) / (10 + step))
        current = self.network.state_dict()
        floats = [name for name, value in current.items() if value.is_floating_point()]
        torch._foreach_lerp_([self.values[n] for n in floats], [current[n] for n in floats], 1 - decay)


def write_small_checkpoint(path, saved):
    """The averaged weights and how far they got: a quarter of a checkpoint, enough to go on elsewhere."""
    state = dict(saved["state"])
    state.pop("statistics")  # the pool where training goes on has its own, much the same
    write_safetensors(
        path,
        {name: value.numpy() for name, value in saved["average"].items()},
        {"format": "orchard-training/1", "state": json.dumps(state, sort_keys=True)},
    )


def read_small_checkpoint(path):
    """-> (averaged weights, state); the optimiser starts anew and soon finds its moments."""
    with safe_open(path, "torch") as file:
        return {name: file.get_tensor(name) for name in file.keys()}, json.loads(file.metadata()["state"])


def resolution(schedule, seen):
    """'64:200000,112' -> pixels after `seen` pictures."""
    for entry in schedule.split(","):
        px, _, until = entry.partition(":")
        if not until or seen < int(until):
            return int(px)
    return int(px)


def learning_rate(options, seen):
    rate = options.rate * min(1, (seen + 1) / options.warmup)
    if options.cooldown:
        rate *= min(1, max(0.002, (options.images - seen) / options.cooldown))
    return rate


def train(options):
    torch.set_num_threads(1)
    torch.manual_seed(options.seed)
    asked_to_stop = []
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: asked_to_stop.append(True))

    pool = Pool(options.out / "pool")
    network = Network(mobilenetv2(options.width), batch_norm=True).to(memory_format=torch.channels_last)
    for parameter in network.parameters():
        if parameter.ndim == 4:
            torch.nn.init.kaiming_normal_(parameter, mode="fan_out", nonlinearity="relu")
    decayed = [p for p in network.parameters() if p.ndim == 4]
    others = [p for p in network.parameters() if p.ndim != 4]
    optimiser = torch.optim.AdamW(
        [dict(params=decayed, weight_decay=options.decay), dict(params=others, weight_decay=0.0)],
        options.rate,
    )
    average = Average(network, options.average)
    state = dict(seen=0, step=0, core_seconds=0.0, statistics=pool.statistics())
    folder = options.out / options.name
    folder.mkdir(parents=True, exist_ok=True)
    checkpoint = folder / "checkpoint.pt"
    if checkpoint.exists() or (options.start_from and not options.start_from.endswith(".safetensors")):
        source = checkpoint if checkpoint.exists() else options.out / options.start_from / "checkpoint.pt"
        saved = torch.load(source, weights_only=False)
        network.load_state_dict(saved["network"])
        optimiser.load_state_dict(saved["optimiser"])
        average.values, state = saved["average"], saved["state"]
    elif options.start_from:
        average.values, further = read_small_checkpoint(options.start_from)
        state.update(further)
        network.load_state_dict(average.values)
    settings = {key: getattr(options, key) for key in RECORDED}
    history = state.setdefault("history", [])
    if not history or history[-1]["settings"] != settings:
        history.append(dict(seen=state["seen"], settings=settings))
    loss = Loss(
        state["statistics"],
        options.whitening,
        options.memory,
        dict(
            imitation=1,
            relations=options.relations,
            kinds=options.kinds,
            spread=options.spread,
            rank=0.0,
            studio=0.0,
        ),
    )

    def save():
        torch.save(
            dict(
                network=network.state_dict(),
                optimiser=optimiser.state_dict(),
                average=average.values,
                state=state,
                options=vars(options),
            ),
            folder / "partial.pt",
        )
        (folder / "partial.pt").rename(checkpoint)

    def evaluate():
        averaged = Network(mobilenetv2(options.width), batch_norm=True).to(memory_format=torch.channels_last)
        averaged.load_state_dict(average.values)
        row = quality(*(run(averaged, pixels) for pixels in benchmark_images(options.out, options.px)))
        row = dict(
            seen=state["seen"], core_seconds=round(state["core_seconds"]), shards=len(pool.names), **row
        )
        with open(folder / "curve.jsonl", "a") as file:
            file.write(json.dumps(row) + "\n")
        print(json.dumps(row), flush=True)

    network.train()
    started, last_save, last_saved = time.process_time() - state["core_seconds"], time.time(), state["seen"]
    totals, n_totals = {}, 0
    while state["seen"] < options.images:
        step = state["step"]
        rng = np.random.default_rng([options.seed, step])
        px = resolution(options.resolution, state["seen"])
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(options, state["seen"])
        if state["seen"] >= options.rank_from:
            loss.weights["rank"] = loss.weights["studio"] = options.rank
        pixels, labels, scenes, teacher = pool.batch(rng, options.batch // VIEWS)
        value, terms = loss(network(augment(rng, pixels, px)), teacher, labels, scenes)
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
        optimiser.step()
        average.update(step)
        state.update(
            seen=state["seen"] + options.batch,
            step=step + 1,
            core_seconds=time.process_time() - started,
        )

        for name, term in terms.items():
            totals[name] = totals.get(name, 0) + term.item()
        n_totals += 1
        if state["step"] % 100 == 0:
            pool.look()
            print(
                state["seen"],
                f"{px} px",
                " ".join(f"{n} {v / n_totals:.4f}" for n, v in totals.items()),
                f"{state['seen'] / state['core_seconds']:.0f} pictures per core-second overall",
                flush=True,
            )
            totals, n_totals = {}, 0
        if asked_to_stop:
            break
        if time.time() - last_save > options.save_minutes * 60:
            save()
            evaluate()
            last_save, last_saved = time.time(), state["seen"]
    if state["seen"] > last_saved:
        save()
        evaluate()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--name", default="orchard")
    parser.add_argument(
        "--start-from",
        default="",
        help="another run's name, or a small checkpoint (.safetensors), to start from",
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--width", type=float, default=0.35)
    parser.add_argument("--px", type=int, default=144, help="input of the finished network")
    parser.add_argument(
        "--resolution", default="64:150000,96:600000,112", help="px:until how many pictures, ..."
    )
    parser.add_argument("--images", type=int, default=2_500_000)
    parser.add_argument("--cooldown", type=int, default=0, help="pictures over which the rate falls to zero")
    parser.add_argument("--warmup", type=int, default=20_000, help="pictures over which the rate rises")
    parser.add_argument("--batch", type=int, default=64, help="pictures per step")
    parser.add_argument("--rate", type=float, default=2e-3)
    parser.add_argument("--decay", type=float, default=0.02)
    parser.add_argument("--average", type=float, default=0.999)
    parser.add_argument("--relations", type=float, default=3.0)
    parser.add_argument("--whitening", type=float, default=0.1)
    parser.add_argument("--kinds", type=float, default=0.3)
    parser.add_argument("--spread", type=float, default=0.5)
    parser.add_argument("--rank", type=float, default=0.2)
    parser.add_argument(
        "--rank-from", type=int, default=150_000, help="pictures before rank counts: first right, then rich"
    )
    parser.add_argument(
        "--memory", type=int, default=8, help="earlier batches that pictures are compared with"
    )
    parser.add_argument("--save-minutes", type=float, default=5)
    train(parser.parse_args())


if __name__ == "__main__":
    main()
