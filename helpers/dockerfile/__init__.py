"""What a Dockerfile says: its stages, their bases, and what ties them together.

    text -> reader (instructions) -> stages (names, bases) -> references (edges) -> Dockerfile
                                        outline, problems <- scope, copies <-'

Pure text in (`read_file` has it from a file), plain values out: no engine is asked. What cannot be known from
the text alone (does the image exist, is the path there) is left to the engine.
"""

from .file import read_file
from .model import SCRATCH, Dockerfile, Edge, Stage, produces_step
from .outline import Argument, Handed, Outline, Target, outline
from .problems import Problem, problems, problems_met, similar_stage
from .reader import Instruction
from .stages import architecture, parse

__all__ = ["SCRATCH", "Argument", "Dockerfile", "Edge", "Handed", "Instruction", "Outline", "Problem", "Stage",
           "Target", "architecture", "outline", "parse", "problems", "problems_met", "produces_step", "read_file",
           "similar_stage"]
