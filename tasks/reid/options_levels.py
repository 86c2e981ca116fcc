"""Which options make sense under which privacy level."""

from isofed.tasks.reid.options import ReidOptions


def refusal(options: ReidOptions, level: str) -> str | None:
    """Return why these options cannot be used under a level, in one sentence, or None where they can.

    Batches of both modalities and a stem for each need to know which pictures are infrared. Under
    ``sharing`` one trainer holds everything and may know it; under every other level training is blind to
    modality.

    Args:
        options: of the task.
        level: its name, such as ``camera``.

    Example:
        >>> refusal(ReidOptions(stems=2), "sharing") is None
        True
    """
    if options.per_modality and options.paired:
        return "task.per_modality=true and task.paired=true fill a batch in two ways; set one to false"
    asked = [
        name
        for name, used in (
            ("task.per_modality=true", options.per_modality),
            ("task.stems=2", options.stems == 2),
        )
        if used
    ]
    if not asked or level == "sharing":
        return None
    return (
        f"{' and '.join(asked)} must know which pictures are infrared, which training under protocol={level} "
        "is not told; write protocol=sharing, or task.per_modality=false and task.stems=1"
    )
