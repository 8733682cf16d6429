# SPDX-License-Identifier: Apache-2.0
"""Batch normalisation with ReLU6 as one operation of torch, computed by normalise.c.

The C file is compiled by `cc` for this machine when first needed, into __pycache__.
"""

import ctypes
import os
import subprocess
from functools import cache
from pathlib import Path

import torch
from torch import nn

LEAST_WIDTH = 64  # numbers per row that keep the vector units busy


@cache
def library():
    source = Path(__file__).with_suffix(".c")
    built = source.parent / "__pycache__" / "normalise.so"
    if not built.exists() or built.stat().st_mtime < source.stat().st_mtime:
        built.parent.mkdir(exist_ok=True)
        partial = built.with_suffix(f".{os.getpid()}")
        flags = ["-std=c11", "-O3", "-march=native", "-ffast-math", "-fPIC", "-shared"]
        subprocess.run([os.environ.get("CC", "cc"), *flags, source, "-o", partial], check=True)
        partial.rename(built)
    return ctypes.CDLL(str(built))


def call(function, *arguments):
    """Tensors go as their addresses, sizes as size_t, flags as int."""
    converted = [
        (
            ctypes.c_void_p(a.data_ptr())
            if torch.is_tensor(a)
            else ctypes.c_int(a) if isinstance(a, bool) else ctypes.c_size_t(a)
        )
        for a in arguments
    ]
    getattr(library(), function)(*converted)


def row_shape(x):
    """[n, c, h, w], channels last in memory -> (rows, width, pixels per row)."""
    n, channels, h, w = x.shape
    pixels, together = n * h * w, 1
    while channels * together < LEAST_WIDTH and pixels % (2 * together) == 0:
        together *= 2
    return pixels // together, channels * together, together


class Normalise(torch.autograd.Function):
    """x, weight, bias -> (y, batch mean, batch variance)."""

    @staticmethod
    def forward(context, x, weight, bias, eps, clip):
        x = x.contiguous(memory_format=torch.channels_last)
        rows, width, together = row_shape(x)
        total = torch.empty(2, width, dtype=torch.float64)
        call("sums", x, rows, width, total[0], total[1])
        mean, square = total.view(2, together, -1).sum(1) / (rows * together)
        variance = (square - mean * mean).clamp_min_(0)
        deviation = torch.sqrt(variance + eps)
        gain = weight / deviation
        shift = bias - mean * gain
        wide = [v.float().repeat(together) for v in (gain, shift)]
        y = torch.empty_like(x)
        call("apply", x, rows, width, *wide, clip, y)
        context.save_for_backward(x, mean, deviation, gain, *wide)
        context.clip = clip
        return y, mean.float(), variance.float()

    @staticmethod
    def backward(context, gradient, *_):
        x, mean, deviation, gain, *wide = context.saved_tensors
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        rows, width, together = row_shape(x)
        total = torch.empty(2, width, dtype=torch.float64)
        call("gradient_sums", x, gradient, rows, width, *wide, context.clip, total[0], total[1])
        bias_gradient, product = total.view(2, together, -1).sum(1)
        weight_gradient = (product - mean * bias_gradient) / deviation
        n = rows * together
        slope = gain * weight_gradient / (n * deviation)
        offset = gain * bias_gradient / n - slope * mean
        further = [v.float().repeat(together) for v in (slope, offset)]
        result = torch.empty_like(x)
        call("gradient_apply", x, gradient, rows, width, *wide, context.clip, *further, result)
        return result, weight_gradient.float(), bias_gradient.float(), None, None


class NormaliseAndClip(nn.BatchNorm2d):
    """Batch normalisation, followed by ReLU6 where `clip` says so. Same parameters as torch's own."""

    def __init__(self, channels, clip, eps, momentum):
        super().__init__(channels, eps=eps, momentum=momentum)
        self.clip = clip

    def forward(self, x):
        if not self.training:
            y = super().forward(x)
            return y.clamp_(0, 6) if self.clip else y
        y, mean, variance = Normalise.apply(x, self.weight, self.bias, self.eps, self.clip)
        with torch.no_grad():
            n = x.numel() / x.shape[1]
            self.running_mean.lerp_(mean, self.momentum)
            self.running_var.lerp_(variance * (n / (n - 1)), self.momentum)
            self.num_batches_tracked += 1
        return y
