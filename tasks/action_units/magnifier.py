"""Learned motion magnification without texture: the network behind the magnified branch."""

from torch import Tensor, nn
from torch.nn import functional as F

CHANNELS, STEM = 32, 16
ENCODER_BLOCKS, DECODER_BLOCKS = (3, 2), 9


def conv(inputs: int, outputs: int, kernel: int, stride: int = 1) -> nn.Conv2d:
    """Return a convolution without bias, its borders reflected: nothing moving gives exactly nothing."""
    return nn.Conv2d(inputs, outputs, kernel, stride, kernel // 2, bias=False, padding_mode="reflect")


class Residual(nn.Module):
    """x + conv3x3(ReLU(conv3x3(x))): no normalisation, no ReLU behind the sum."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first, self.second = conv(channels, channels, 3), conv(channels, channels, 3)

    def forward(self, x: Tensor) -> Tensor:
        """Return the sum, of the shape of ``x``."""
        out: Tensor = x + self.second(F.relu(self.first(x)))
        return out


def _blocks(count: int) -> list[nn.Module]:
    return [Residual(CHANNELS) for _ in range(count)]


class Magnifier(nn.Module):
    """E(frame), and what of the difference of two frames is left once it is magnified.

    D = R(W2 ((amplification - 1) ReLU(W1 (E(b) - E(a))))), R a residual block; M = E(b) + D, and the decoder
    makes a frame of M. 108,336 + 77,824 + 179,808 parameters. No convolution has a bias, so a = b gives D = 0
    exactly, and so does an amplification of 1.

    Source: Khor et al., "Infused Suppression of Magnification Artefacts for Micro-AU Detection", 2025, and
    its released code; Oh et al., "Learning-based Video Motion Magnification", ECCV 2018, from which it
    differs in that texture has no head of its own.
    """

    def __init__(self) -> None:
        super().__init__()
        before, after = ENCODER_BLOCKS
        self.encoder = nn.Sequential(
            *(conv(3, STEM, 7), nn.ReLU(), conv(STEM, CHANNELS, 3, 2), nn.ReLU()),
            *_blocks(before),
            *(conv(CHANNELS, CHANNELS, 3), nn.ReLU()),
            *_blocks(after),
        )
        self.difference = nn.Sequential(conv(CHANNELS, CHANNELS, 7), nn.ReLU())
        self.manipulated = nn.Sequential(conv(CHANNELS, CHANNELS, 3), *_blocks(1))
        self.decoder = nn.Sequential(
            *_blocks(DECODER_BLOCKS),
            nn.Upsample(scale_factor=2, mode="nearest"),
            *(conv(CHANNELS, CHANNELS, 3), nn.ReLU()),
            conv(CHANNELS, 3, 7),
        )

    def latent(self, frames: Tensor) -> Tensor:
        """Return E: frames (B, 3, H, W) in -1 to 1, to (B, 32, H/2, W/2)."""
        encoded: Tensor = self.encoder(frames)
        return encoded

    def moved(self, a: Tensor, b: Tensor, amplification: float | Tensor) -> Tensor:
        """Return D of two latents, of their shape.

        Args:
            a: of the first frame.
            b: of the second.
            amplification: a number, or (B, 1, 1, 1).
        """
        magnified: Tensor = self.manipulated(self.difference(b - a) * (amplification - 1))
        return magnified

    def forward(self, a: Tensor, b: Tensor, amplification: float | Tensor) -> Tensor:
        """Return frame ``b`` with its motion since ``a`` magnified, (B, 3, H, W)."""
        latent_a, latent_b = self.latent(a), self.latent(b)
        frame: Tensor = self.decoder(latent_b + self.moved(latent_a, latent_b, amplification))
        return frame
