"""A study's configuration: read from YAML, every name and value checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from .dirt import DIRT
from .errors import ConfigError, UnknownLanguageError
from .languages import DEFAULT_LANGUAGES, resolve
from .models import check_model_name
from .records import TRAININGS
from .registry import get_task
from .train_settings import TrainSettings, recipe_for

__all__ = ["StudyConfig", "load_config"]


@dataclass(frozen=True)
class StudyConfig:
    """A study.

    Parameters
    ----------
    model : str or tuple of str
        One or several models, see `load_model`.
    tasks : tuple of str
        Names.
    sources, targets : tuple of str, or mapping of task to tuple of str
        Languages by any name that `find_language` takes, the same for all tasks or each task's
        own. Targets are the sources where not given.
    shots : tuple of int
        Numbers of target examples; 0 is zero-shot.
    trainings : tuple of str
        How target examples are used: ``joint`` (mixed with the source's), ``sequential``
        (after the source's), ``target`` (without the source: the control that shows what
        the source was worth).
    seeds : tuple of int
        Each repeats everything.
    decoding : str
        ``generate`` or ``labels`` (tasks without labels generate all the same).
    train_limit, test_limit : int, optional
        Use so many examples only, a random sample of them.
    data_dir : str
        Folder with the data of public benchmarks, before $CROSSLINGUAL_DATA and the hub; where
        it is does not change what a cell is.
    dirty : str
        What to do with lines of data files that cannot be right: ``skip`` them (a plan names
        them) or ``refuse`` the file.
    train : TrainSettings
        Recipe of the fine-tunings. In a file, settings that are not given are those of the
        recipe that suits the model (`crosslingual.train_settings.recipe_for`).
    """

    model: str | tuple[str, ...] = "mini"
    tasks: tuple[str, ...] = ("intents", "slots", "answers")
    sources: tuple[str, ...] | Mapping[str, tuple[str, ...]] = DEFAULT_LANGUAGES
    targets: tuple[str, ...] | Mapping[str, tuple[str, ...]] = ()
    shots: tuple[int, ...] = (0,)
    trainings: tuple[str, ...] = ("joint",)
    seeds: tuple[int, ...] = (0,)
    decoding: str = "generate"
    train_limit: int | None = None
    test_limit: int | None = None
    data_dir: str = ""
    dirty: str = "skip"
    train: TrainSettings = field(default_factory=TrainSettings)

    def sources_of(self, task: str) -> tuple[str, ...]:
        """Sources of one task."""
        return _of(self.sources, task)

    def targets_of(self, task: str) -> tuple[str, ...]:
        """Targets of one task."""
        return _of(self.targets, task) or self.sources_of(task)

    @property
    def models(self) -> tuple[str, ...]:
        """The models as a tuple."""
        return (self.model,) if isinstance(self.model, str) else tuple(self.model)

    def __str__(self) -> str:
        """As YAML that `load_config` reads back: to be kept, changed and run."""
        import yaml

        given = {name: value for name, value in asdict(self).items() if value not in ((), "", None)}
        return str(
            yaml.dump(
                _plain(given),
                Dumper=yaml.SafeDumper,
                sort_keys=False,
                width=88,
                default_flow_style=None,
            )
        )


def _of(languages: tuple[str, ...] | Mapping[str, tuple[str, ...]], task: str) -> tuple[str, ...]:
    return tuple(languages.get(task, ())) if isinstance(languages, Mapping) else languages


def _plain(value: Any) -> Any:
    """Tuples as lists, one line each where YAML allows it."""
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, tuple) else value


def _from_mapping(kind: type[Any], values: Any, where: str) -> dict[str, Any]:
    """Check keys against a dataclass; name a typo's nearest key."""
    if not isinstance(values, Mapping):
        raise ConfigError(f"{where} must be a mapping of settings, not {values!r}.")
    allowed = [f.name for f in fields(kind)]
    for key in values:
        if key not in allowed:
            near = get_close_matches(str(key), allowed, n=1, cutoff=0.5)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise ConfigError(
                f"unknown setting {key!r} in {where}.{hint} Allowed: {', '.join(allowed)}."
            )
    return dict(values)


def load_config(source: str | Path | Mapping[str, Any] | StudyConfig) -> StudyConfig:
    """Read and check a study configuration.

    Parameters
    ----------
    source : path, mapping or StudyConfig
        A YAML file, or the same content.

    Returns
    -------
    StudyConfig
        Languages as ISO 639-3, everything checked.

    Raises
    ------
    ConfigError
        For unknown keys, wrong types, or values out of range.
    UnknownLanguageError, UnknownTaskError, UnknownModelError
        For names that nothing stands behind.
    """
    if isinstance(source, StudyConfig):
        return _checked(source)
    where = "the configuration"
    values: Any = source
    if isinstance(source, (str, Path)):
        import yaml

        where = repr(str(source))
        try:
            values = yaml.safe_load(Path(source).read_text("utf-8"))
        except OSError as error:
            raise ConfigError(f"{where} cannot be read ({error.strerror}).") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise ConfigError(f"{where} is no valid YAML ({error}).") from None
    values = _from_mapping(StudyConfig, values, where)
    models = values.get("model", StudyConfig.model)
    given = values.get("train", {})
    if not isinstance(given, Mapping):
        raise ConfigError(f"'train' of {where} must be a mapping of settings, not {given!r}.")
    if isinstance(models, (str, list, tuple)):
        fitting = recipe_for([models] if isinstance(models, str) else models, given)
        values["train"] = _make(TrainSettings, fitting, f"'train' of {where}")
    for name in ("tasks", "sources", "targets", "shots", "trainings", "seeds", "model"):
        if isinstance(values.get(name), list):
            values[name] = tuple(values[name])
    for name in ("tasks", "sources", "targets", "shots", "trainings", "seeds"):
        if name in ("sources", "targets") and isinstance(values.get(name), Mapping):
            values[name] = {
                str(task): tuple(names) if isinstance(names, (list, tuple)) else (names,)
                for task, names in values[name].items()
            }
        elif name in values and not isinstance(values[name], tuple):
            values[name] = (values[name],)
    return _checked(_make(StudyConfig, values, where))


_MOST = 2**32  # seeds of numpy and torch
_PLAIN: dict[str, tuple[type, ...]] = {
    "int": (int,),
    "float": (int, float),
    "str": (str,),
    "bool": (bool,),
}


def _make(kind: type[Any], values: Any, where: str) -> Any:
    """Build a dataclass after checking keys and the types of plain fields."""
    values = _from_mapping(kind, values, where)
    for f in fields(kind):
        kinds = _PLAIN.get(str(f.type))
        if f.name in values and kinds is not None:
            value = values[f.name]
            if not isinstance(value, kinds) or (bool not in kinds and isinstance(value, bool)):
                raise ConfigError(f"{f.name!r} in {where} must be of type {f.type}, not {value!r}.")
    return kind(**values)


def _checked(config: StudyConfig) -> StudyConfig:
    models: Any = config.model
    models = models if isinstance(models, tuple) else (models,)
    for name in models:
        if not isinstance(name, str):
            raise ConfigError(f"a model must be a name, not {name!r}.")
        check_model_name(name)
    for name in config.tasks:
        if not isinstance(name, str):
            raise ConfigError(f"a task must be a name, not {name!r}.")
    config = replace(config, model=_once(models), tasks=_once(config.tasks))
    if not config.tasks or not config.sources or not config.models:
        raise ConfigError("a study needs at least one model, one task and one source.")
    config = replace(
        config,
        sources=_resolved(config.sources, "sources", config.tasks),
        targets=_resolved(config.targets, "targets", config.tasks),
    )
    for name in config.tasks:
        task = get_task(str(name))
        if not config.sources_of(name):
            raise ConfigError(f"the task {name!r} has no sources.")
        available = task.languages()
        for code in (*config.sources_of(name), *config.targets_of(name)):
            if code not in available:
                raise UnknownLanguageError(code, available, f"The task {name!r} lacks it.")
    for name in ("shots", "seeds"):
        for value in getattr(config, name):
            if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _MOST:
                raise ConfigError(f"{name} must be whole numbers from 0, not {value!r}.")
    for name in ("shots", "seeds", "trainings"):
        if not getattr(config, name):
            raise ConfigError(f"{name} must not be empty.")
    for training in config.trainings:
        if training not in TRAININGS[1:]:
            raise ConfigError(
                f"unknown training {training!r}. Allowed: {', '.join(TRAININGS[1:])}."
            )
    for name in ("train_limit", "test_limit"):
        value = getattr(config, name)
        if value is not None and (type(value) is not int or value < 1):
            raise ConfigError(f"{name} must be a whole number from 1, not {value!r}.")
    if config.data_dir and not Path(config.data_dir).is_dir():
        raise ConfigError(f"the data_dir {config.data_dir!r} is no folder.")
    if config.dirty not in DIRT:
        raise ConfigError(f"unknown rule {config.dirty!r} for dirty lines. Allowed: refuse, skip.")
    if config.decoding not in ("generate", "labels"):
        raise ConfigError(f"unknown decoding {config.decoding!r}. Allowed: generate, labels.")
    folder = str(Path(config.data_dir).resolve()) if config.data_dir else ""
    return replace(
        config,
        shots=_once(config.shots),
        seeds=_once(config.seeds),
        trainings=_once(config.trainings),
        data_dir=folder,
    )


def _once(values: Iterable[Any]) -> tuple[Any, ...]:
    """Each value once: what is listed twice is measured once."""
    return tuple(dict.fromkeys(values))


def _resolved(
    languages: tuple[str, ...] | Mapping[str, tuple[str, ...]], where: str, tasks: tuple[str, ...]
) -> tuple[str, ...] | dict[str, tuple[str, ...]]:
    if not isinstance(languages, Mapping):
        return tuple(resolve(map(str, languages)))
    for task in languages:
        if task not in tasks:
            raise ConfigError(
                f"{where} name the task {task!r}, which is not among tasks: {', '.join(tasks)}."
            )
    return {task: tuple(resolve(map(str, names))) for task, names in languages.items()}
