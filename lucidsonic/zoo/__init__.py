"""The models/ folder: what each model is, and where its weights lie."""

from lucidsonic.zoo.card import ModelCard
from lucidsonic.zoo.catalog import Catalog, catalog_folders, user_models_dir
from lucidsonic.zoo.convert import inspect_pickle, network_record
from lucidsonic.zoo.pickles import read_pickle_records

__all__ = [
    "Catalog",
    "ModelCard",
    "catalog_folders",
    "inspect_pickle",
    "network_record",
    "read_pickle_records",
    "user_models_dir",
]
