"""What a Dockerfile says: its stages, their bases, and what ties them together.

    text -> reader (instructions) -> stages (names, bases, edges) -> Dockerfile
                          outline, problems <- scope, copies <-'

Pure text in (`read_file` has it from a file), plain values out: no engine is asked. What cannot be known from
the text alone (does the image exist, is the path there) is left to the engine.
"""

from .model import LAYERED, SCRATCH, Dockerfile, Edge, Problem, Stage, produces_step
from .outline import Argument, Handed, Outline, Target, outline
from .problems import problems, problems_met, similar_stage
from .reader import Instruction
from .scope import architecture
from .source import read_file
from .stages import parse

__all__ = ["LAYERED", "SCRATCH", "Argument", "Dockerfile", "Edge", "Handed", "Instruction", "Outline", "Problem",
           "Stage", "Target", "architecture", "outline", "parse", "problems", "problems_met", "produces_step",
           "read_file", "similar_stage"]
