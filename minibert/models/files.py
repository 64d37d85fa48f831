"""A model from and to files: `from_pretrained`, `save_pretrained` and `load_state_dict`."""

import inspect
import os
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from minibert.backend import move, to_numpy
from minibert.backend.device import check_room
from minibert.checks import check_count
from minibert.errors import ConfigError, MinibertError, NewWeightsWarning, SlowWarning, WeightFileError
from minibert.files.saving import fingerprint, saving
from minibert.finite import check_weights
from minibert.models.config import PretrainedConfig
from minibert.models.model import Model
from minibert.models.options import choose_backend, choose_dtype, suggestion, take_options
from minibert.weights import (
    Checkpoint,
    LoadReport,
    find_checkpoint,
    open_checkpoint,
    plan_loading,
    read_planned,
    read_to,
    save_checkpoint,
)


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and what it found no place for."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class PreTrainedModel(Model):
    """A model that can be read from a checkpoint and written to one. Arguments: those of `Model`.

    Example:
        >>> import tempfile
        >>> import minibert as mb
        >>> config = mb.BertConfig(vocab_size=30, hidden_size=8, num_hidden_layers=1, num_attention_heads=2,
        ...                        intermediate_size=16)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     mb.BertModel(config, seed=0).save_pretrained(folder)
        ...     again = mb.BertModel.from_pretrained(folder)
        >>> again.num_parameters() == mb.BertModel(config).num_parameters()
        True
    """

    saves_tied_copies = False  # whether a saved file also holds tied weights under their other name
    load_report: LoadReport | None = None

    @classmethod
    def from_pretrained(
        cls,
        name_or_path: str | os.PathLike[str],
        *,
        config: PretrainedConfig | None = None,
        seed: int = 0,
        dtype: Any = None,
        torch_dtype: Any = None,
        backend: str | None = None,
        device_map: Any = None,
        ignore_mismatched_sizes: bool = False,
        output_loading_info: bool = False,
        revision: str | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        local_files_only: bool = False,
        token: str | bool | None = None,
        force_download: bool = False,
        mapped: bool = True,
        **overrides: Any,
    ) -> Any:
        """The model of a checkpoint: a folder with config.json and model.safetensors, or a name.

        A folder never touches the network. A name is looked up among the shipped checkpoints and in the
        local Hugging Face cache, and downloaded only where huggingface_hub is installed. float32 weights are
        mapped from the file, not copied; float16 and bfloat16 are widened exactly.

        Args:
            config: use this configuration instead of the folder's.
            seed: where the weights of a new task head come from; a warning names them.
            dtype: of the model; "auto" for the checkpoint's own config, None for float32. `torch_dtype` is its old
                name.
            device_map: where the model shall live by PyTorch's names, "cpu", "cuda" or 0; "auto" is the GPU if
                there is a usable one. `backend` says it by minibert's names.
            ignore_mismatched_sizes: draw a head of another size anew instead of refusing it.
            output_loading_info: give `(model, report)`; the report is `model.load_report` in any case.
            revision, cache_dir, local_files_only, token, force_download: of a name, see
                `minibert.weights.find_checkpoint`.
            mapped: read float32 weights from the file as they are needed, which takes next to no time and memory. If
                the file is rewritten in place later, calls raise WeightFileError; a file that is replaced or removed
                stays as it was for this model. False reads the file whole at once.
            overrides: fields of the configuration to change, `num_labels=3`, and `add_pooling_layer`. Of
                transformers' further arguments those that would change no number are passed over
                (`attn_implementation="sdpa"`, `low_cpu_mem_usage`), the others are refused.

        Raises:
            ConfigError, WeightFileError: what is missing, damaged or does not fit, by name.
            BackendError: the GPU was asked for and cannot be used.

        Example:
            >>> import minibert as mb
            >>> model, report = mb.BertForMaskedLM.from_pretrained("tiny-bert", output_loading_info=True)
            >>> model.config.num_hidden_layers, report.missing, report.unexpected
            (2, [], [])
        """
        overrides = take_options(overrides, f"{cls.__name__}.from_pretrained")
        backend = choose_backend(backend, device_map)
        check_count("seed", seed, 0)
        folder = find_checkpoint(
            name_or_path, revision=revision, cache_dir=cache_dir, local_files_only=local_files_only, token=token,
            force_download=force_download,
        )  # fmt: skip
        options = {key: overrides.pop(key) for key in ("add_pooling_layer",) if key in overrides}
        config, checkpoint = cls._open(folder, config, overrides, mapped)
        dtype = choose_dtype(dtype, torch_dtype, vars(config))
        model = cls(config, dtype=dtype, backend=backend, _new=False, **options)
        if model.dtype == np.float16 and model.backend == "numpy":
            warnings.warn(
                "float16 on the CPU: every product is computed in float32 and rounded, which is slower than float32 "
                "itself; float32 holds the same weights exactly.",
                SlowWarning,
                stacklevel=2,
            )
        report = model._load(checkpoint, folder, seed, ignore_mismatched_sizes)
        return (model, report) if output_loading_info else model

    def save_pretrained(
        self, folder: str | os.PathLike[str], *, max_shard_size: int | str = "5GB", allow_nonfinite: bool = False
    ) -> None:
        """Write config.json and model.safetensors (in shards if larger), which transformers loads unchanged.

        All of them are replaced together or not at all, even if the process is killed.

        Raises:
            ConfigError: the configuration holds what JSON cannot.
            OutputError: the disk is full, the folder cannot be written to, ...; what stood there is unchanged.
            WeightFileError: something that is no file is in the way.
            NotFiniteError: a weight is infinite or no number, unless `allow_nonfinite`.
        """
        if not allow_nonfinite:
            check_weights(self.parameters, "nothing was saved")
        config = type(self.config).from_dict(self.config.to_dict())
        config.architectures = [type(self).__name__]
        config.torch_dtype = self.dtype.name
        config.to_json_string()  # before anything is written
        state = self.state_dict()
        if self.saves_tied_copies:
            state.update({copy: self.parameters[source] for copy, source in self.parameters.tied.items()})
        with saving(folder) as save:
            save_checkpoint(save.staged, state, max_shard_size=max_shard_size, to_numpy=to_numpy)
            config.save_pretrained(save.staged)

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Replace the parameters by copies of these arrays.

        Tied copies must equal what they copy; old buffers (position_ids) are accepted and not used.

        Raises:
            WeightFileError: a shape differs, a tied copy differs, or with `strict` a name is missing or
                unexpected. Nothing is changed then.
        """
        state = {name: np.asarray(to_numpy(array)) for name, array in state.items()}
        own = self._own_shapes()
        prefix = f"{self.path}." if self.path else ""
        plan = plan_loading(
            {name[len(prefix) :]: shape for name, shape in own.items()},
            {name: array.shape for name, array in state.items()},
            {name: source for name, source in self.parameters.tied.items() if not prefix},
            self.base_model_prefix,
            new_heads=(),
            source="the state dict",
        )
        missing, unexpected = list(plan.report.missing), list(plan.report.unexpected)
        if strict and unexpected:
            raise WeightFileError(
                f"the state dict has {len(unexpected)} names that {type(self).__name__} has no place for: "
                f"{', '.join(unexpected[:5])}{', ...' if len(unexpected) > 5 else ''}."
            )
        if not strict:
            plan.report.missing.clear()
        arrays = read_planned(plan, _Arrays(state))
        for name, array in arrays.items():
            copied = np.array(array, dtype=self.dtype, order="C")
            self.parameters[prefix + name] = move(copied, self.parameters.xp, self.dtype)
        return IncompatibleKeys(missing, unexpected)

    @classmethod
    def _check_overrides(cls, config: PretrainedConfig, overrides: dict[str, Any]) -> None:
        for name in overrides:
            if not config.has_field(name):
                own = [*inspect.signature(cls.from_pretrained).parameters, "add_pooling_layer"]
                raise ConfigError(
                    f"{cls.__name__}.from_pretrained takes no {name!r}, and the configuration has no such field"
                    f"{suggestion(name, [*own, *config.to_dict(), 'num_labels'])}."
                )

    @classmethod
    def _open(
        cls, folder: Path, config: PretrainedConfig | None, overrides: dict[str, Any], mapped: bool
    ) -> tuple[PretrainedConfig, Checkpoint]:
        """The configuration and the weights; both are of one save, even if another process saves meanwhile."""
        while True:
            before = fingerprint(folder)
            try:
                found = cls._configure(folder, config, overrides), open_checkpoint(folder, mapped=mapped)
            except MinibertError:
                if fingerprint(folder) == before:
                    raise
            else:
                if fingerprint(folder) == before:
                    return found

    @classmethod
    def _configure(cls, folder: Path, config: PretrainedConfig | None, overrides: dict[str, Any]) -> PretrainedConfig:
        if config is None:
            config = cls.config_class.from_pretrained(folder)
            cls._check_overrides(config, overrides)
            return config.changed(overrides)
        cls.check_config(config)
        if overrides:
            raise ConfigError(f"config was given, and {', '.join(overrides)} besides: change the config instead.")
        return config

    def _load(
        self, checkpoint: Checkpoint, folder: Path, seed: int, ignore_mismatched_sizes: bool
    ) -> LoadReport:
        plan = plan_loading(
            self.parameters.shapes,
            {name: checkpoint.shape(name) for name in checkpoint},
            self.parameters.tied,
            self.base_model_prefix,
            ignore_mismatched_sizes=ignore_mismatched_sizes,
            source=str(folder),
        )
        parameters = self.parameters
        needed = parameters.bytes_of(parameters.shapes, self.dtype)
        check_room(parameters.xp, needed, f"{type(self).__name__} in {self.dtype.name}")
        for name, array in read_to(plan, checkpoint, parameters.xp, self.dtype):
            parameters[name] = array
        parameters.files = list(checkpoint.files)
        new = [name for name in self.parameters.shapes if name not in self.parameters]
        if new:
            self.parameters.initialise(new, seed, self.config.initializer_range)
            warnings.warn(
                f"{type(self).__name__}: {', '.join(new)} not in {folder}: drawn anew from seed {seed}; "
                "train the model before you trust what it predicts.",
                NewWeightsWarning,
                stacklevel=4,
            )
        # a file's order is its writer's; optimisers, and what they save, go by the model's
        ordered = {name: self.parameters[name] for name in self.parameters.shapes}
        self.parameters.clear()
        self.parameters.update(ordered)
        self.load_report = plan.report
        return plan.report


class _Arrays(dict[str, np.ndarray]):
    """Arrays in memory, read as a checkpoint is."""

    def raw(self, name: str) -> np.ndarray:
        return self[name]

    def stored_dtype(self, name: str) -> str:
        codes = {"float16": "F16", "float32": "F32", "float64": "F64"}
        return codes.get(self[name].dtype.name, self[name].dtype.name)
