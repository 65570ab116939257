"""Cross-lingual transfer of multilingual text-to-text models: measure, explain, predict.

The names below are loaded when they are used, so that importing the package is quick and
needs no deep-learning library.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from .version import __version__

_HOME = {
    "CrosslingualError": "errors",
    "DEFAULT_LANGUAGES": "languages",
    "Example": "tasks",
    "StudyConfig": "study_config",
    "Task": "tasks",
    "TrainSettings": "train_settings",
    "baselines": "tasks",
    "block_tests": "claims",
    "cheapest_mixture": "purchases",
    "claim": "claims",
    "claim_by_task": "claims",
    "compare_models": "comparisons",
    "compare_trainings": "comparisons",
    "compare_variants": "comparisons",
    "demand": "demands",
    "describe": "tasks",
    "design": "model_matrix",
    "evaluate": "evaluation",
    "find_language": "languages",
    "fine_tune": "tuning",
    "fit": "regression",
    "fit_advice": "demands",
    "fit_effective": "effective",
    "fit_exchange": "exchange",
    "from_scores": "mixtures",
    "get_task": "registry",
    "growth": "growth_laws",
    "importance": "decomposition",
    "language_table": "languages",
    "lexical_scores": "lexical",
    "load_config": "study_config",
    "load_model": "models",
    "matrix": "summaries",
    "mrqap": "permutation",
    "next_batch": "purchases",
    "node_bootstrap": "bootstrap",
    "pair_features": "features",
    "plan_study": "planning",
    "power": "power_analysis",
    "pretrain": "pretraining",
    "question_use": "questions",
    "random_effects": "mixed",
    "rank_sources": "sources",
    "read_records": "record_store",
    "read_scores": "score_tables",
    "read_sumeval": "sumeval",
    "records_of": "score_tables",
    "register": "registry",
    "regress": "regression",
    "resolve": "languages",
    "run_study": "running",
    "scores_table": "score_tables",
    "source_worth": "worth",
    "summarise": "summaries",
    "task_names": "registry",
    "validate": "validation",
    "validate_demands": "demand_validation",
    "validate_mixtures": "mixture_validation",
}

__all__ = ["__version__", *_HOME]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted(__all__)
