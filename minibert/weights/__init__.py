"""Reading and writing checkpoints: safetensors files, shards, folders, and their names.

In the order in which a model uses them: `find_checkpoint("path/or/name")` gives a folder on this machine,
`open_checkpoint(folder)` a lazy mapping {name: array}, `plan_loading(...)` says which of its tensors becomes
which weight, `read_planned(plan, checkpoint)` reads them or raises one error for all that does not fit, and
`plan.report` tells what became of every tensor. `save_checkpoint(folder, arrays)` writes one file or shards.
"""

from minibert.files.json_file import parse_json_object, read_json
from minibert.weights.checkpoint import Checkpoint, open_checkpoint, read_index
from minibert.weights.find import HUB_OPTIONS, check_name, find_checkpoint, hub_cache, shipped_folder, shipped_names
from minibert.weights.loading import read_planned, read_to
from minibert.weights.names import LoadPlan, plan_loading
from minibert.weights.report import LoadReport
from minibert.weights.safetensors import SafetensorsFile, open_safetensors
from minibert.weights.save import save_safetensors
from minibert.weights.shards import save_checkpoint

__all__ = [
    "HUB_OPTIONS",
    "Checkpoint",
    "LoadPlan",
    "LoadReport",
    "SafetensorsFile",
    "check_name",
    "find_checkpoint",
    "hub_cache",
    "open_checkpoint",
    "open_safetensors",
    "parse_json_object",
    "plan_loading",
    "read_index",
    "read_json",
    "read_planned",
    "read_to",
    "save_checkpoint",
    "save_safetensors",
    "shipped_folder",
    "shipped_names",
]
